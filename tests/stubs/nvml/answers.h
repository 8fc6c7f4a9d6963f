/* Answers of a stub driver library: lines "key = value" of the text file named in STUB_ANSWERS.
 *
 * Value: what the call answers, or what happens instead, or both:
 *   error 15         return code 15
 *   hang             never return; leaves a file named after this process in the folder STUB_HANGS (see patience.py)
 *   wait NAME VALUE  hang until there is a file STUB_ANSWERS.NAME
 *   mark NAME VALUE  VALUE, and leave a file STUB_ANSWERS.NAME, a byte longer at each call
 *   soon NAME MS VALUE   the same at a call under MS milliseconds after the one before
 *   abort | segv     die
 *   exit 3           end the process
 *   delay 200 VALUE  wait that many milliseconds first
 *   noise VALUE      print to standard output first
 *   ramp START STEP  START, then STEP more at each call
 *   rate START STEP  START, and STEP more each second since the first call
 *   after N A || B   A at the first N calls, then B
 *   at N A || B      A at the Nth call, B at all others
 *   switch NAME A || B   B as soon as there is a file STUB_ANSWERS.NAME, A before
 * A call without a line answers NOT_SUPPORTED. "{i}" in a text becomes the device index.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long long u64;

static char *lines[8192];
static unsigned long long calls[8192];
static double first_call[8192];
static int line_count = -1, found_line = -1;

static void load(void) {
    line_count = 0;
    const char *path = getenv("STUB_ANSWERS");
    FILE *file = path ? fopen(path, "r") : NULL;
    char *line = NULL;
    size_t size = 0;
    while (file && line_count < 8192 && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] && line[0] != '#' && strstr(line, " = ")) lines[line_count++] = strdup(line);
    }
    free(line);
    if (file) fclose(file);
}

/* The last line with this key wins, so that a test appends what it changes. */
static const char *find(const char *key) {
    if (line_count < 0) load();
    size_t length = strlen(key);
    for (int i = line_count - 1; i >= 0; i--)
        if (!strncmp(lines[i], key, length) && !strncmp(lines[i] + length, " = ", 3)) {
            found_line = i;
            return lines[i] + length + 3;
        }
    return NULL;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One of "A || B", the second if `second`. The result of the first lives until the next but 15. */
static const char *either(const char *both, int second) {
    static char texts[16][512];
    static int next;
    const char *bar = strstr(both, " || ");
    if (!bar) return both;
    if (second) return bar + 4;
    char *out = texts[next++ % 16];
    snprintf(out, sizeof texts[0], "%.*s", (int)(bar - both), both);
    return out;
}

static void beside(char *path, size_t size, const char *name) {
    snprintf(path, size, "%s.%s", getenv("STUB_ANSWERS"), name);
}

static void touch(const char *path) {
    FILE *file = fopen(path, "a");
    if (file) fputc('.', file), fclose(file);
}

static void leave(const char *name) {
    char path[1024];
    beside(path, sizeof path, name);
    touch(path);
}

static void say_hung(int hung) {
    char path[1024];
    const char *folder = getenv("STUB_HANGS");
    if (!folder) return;
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    if (hung) touch(path);
    else unlink(path);
}

/* Return the value to fill in, or NULL with the return code in *code. */
static const char *act(const char *value, int unsupported, int *code) {
    *code = 0;
    static char numbers_told[16][32];
    static int next;
    const int line = found_line;
    for (;;) {
        if (!value) { *code = unsupported; return NULL; }
        if (!strncmp(value, "delay ", 6)) {
            char *rest;
            usleep((useconds_t)strtoul(value + 6, &rest, 10) * 1000);
            value = *rest == ' ' ? rest + 1 : rest;
        } else if (!strncmp(value, "noise ", 6)) {
            printf("stub driver says: noise\n");
            fflush(stdout);
            value += 6;
        } else if (!strncmp(value, "ramp ", 5) || !strncmp(value, "rate ", 5)) {
            char *rest, *out = numbers_told[next++ % 16];
            double start = strtod(value + 5, &rest), step = strtod(rest, NULL), now = seconds();
            if (!calls[line]) first_call[line] = now;
            double n = value[2] == 'm' ? (double)calls[line] : now - first_call[line];
            calls[line]++;
            snprintf(out, sizeof numbers_told[0], "%.0f", start + n * step);
            return out;
        } else if (!strncmp(value, "after ", 6)) {
            char *rest;
            unsigned long most = strtoul(value + 6, &rest, 10);
            value = either(rest + 1, calls[line]++ >= most);
        } else if (!strncmp(value, "at ", 3)) {
            char *rest;
            unsigned long one = strtoul(value + 3, &rest, 10);
            value = either(rest + 1, ++calls[line] != one);
        } else if (!strncmp(value, "switch ", 7)) {
            char path[1024], name[64] = "";
            sscanf(value + 7, "%63s", name);
            beside(path, sizeof path, name);
            value = either(value + 8 + strlen(name), !access(path, F_OK));
        } else if (!strncmp(value, "wait ", 5)) {
            char path[1024], name[64] = "";
            sscanf(value + 5, "%63s", name);
            beside(path, sizeof path, name);
            say_hung(1);
            while (access(path, F_OK)) usleep(10000);
            say_hung(0);
            value += 6 + strlen(name);
        } else if (!strncmp(value, "mark ", 5)) {
            char name[64] = "";
            sscanf(value + 5, "%63s", name);
            leave(name);
            value += 6 + strlen(name);
        } else if (!strncmp(value, "soon ", 5)) {
            char name[64] = "";
            unsigned long most = 0;
            int rest = 0;
            sscanf(value + 5, "%63s %lu %n", name, &most, &rest);
            double now = seconds();
            if (first_call[line] && now - first_call[line] < 1e-3 * (double)most) leave(name);
            first_call[line] = now;
            value += 5 + rest;
        } else if (!strncmp(value, "error ", 6)) {
            *code = atoi(value + 6);
            return NULL;
        } else if (!strcmp(value, "hang")) {
            say_hung(1);
            for (;;) pause();
        } else if (!strcmp(value, "abort")) {
            abort();
        } else if (!strcmp(value, "segv")) {
            raise(SIGSEGV);
        } else if (!strncmp(value, "exit ", 5)) {
            _exit(atoi(value + 5));
        } else {
            return value;
        }
    }
}

static void text_into(char *out, size_t size, const char *value, int index) {
    const char *mark = strstr(value, "{i}");
    if (mark) snprintf(out, size, "%.*s%d%s", (int)(mark - value), value, index, mark + 3);
    else snprintf(out, size, "%s", value);
}

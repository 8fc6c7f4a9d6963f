// Rates of one GPU, measured without parity: what benchmarks/measure_references.py holds `parity measure` against.
//
//   nvcc -O3 -arch=native reference_rates.cu -o reference_rates              (with -DWITH_CUBLAS -lcublas: BF16 products)
//   ./reference_rates DEVICE MEBIBYTES
//
// Prints a line "name value unit" each: the median of 31 timings by events, of buffers that are filled with random words.
// Copies count bytes read and written, as parity does; nvbandwidth's device_local_copy counts them once.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>
#include <functional>
#include <vector>
#ifdef WITH_CUBLAS
#include <cublas_v2.h>
#include <cuda_bf16.h>
#endif

#define CHECK(CALL) do { cudaError_t e_ = (CALL); if (e_ != cudaSuccess) { \
    std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(e_)); std::exit(1); } } while (0)

__global__ void fill_random(uint32_t *to, size_t words, uint32_t seed) {
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < words; i += (size_t)gridDim.x * blockDim.x) {
        uint32_t x = (uint32_t)i * 2654435761u ^ seed;
        x ^= x >> 16; x *= 0x7feb352du; x ^= x >> 15; x *= 0x846ca68bu; x ^= x >> 16;
        to[i] = x & 0x3fffffffu; // finite, whatever number format reads it
    }
}
__global__ void copy(const uint4 *__restrict__ from, uint4 *__restrict__ to) {
    size_t i = (blockIdx.x * (size_t)blockDim.x) * 4 + threadIdx.x;
    uint4 a = from[i], b = from[i + blockDim.x], c = from[i + 2 * blockDim.x], d = from[i + 3 * blockDim.x];
    to[i] = a; to[i + blockDim.x] = b; to[i + 2 * blockDim.x] = c; to[i + 3 * blockDim.x] = d;
}
__global__ void read(const uint4 *__restrict__ from, uint32_t *out) {
    size_t i = (blockIdx.x * (size_t)blockDim.x) * 4 + threadIdx.x;
    uint4 a = from[i], b = from[i + blockDim.x], c = from[i + 2 * blockDim.x], d = from[i + 3 * blockDim.x];
    uint32_t sum = a.x + a.y + a.z + a.w + b.x + b.y + b.z + b.w + c.x + c.y + c.z + c.w + d.x + d.y + d.z + d.w;
    if (sum == 0x9e3779b9u) *out = sum;
}
__global__ void write(uint4 *to, uint32_t word) {
    size_t i = (blockIdx.x * (size_t)blockDim.x) * 4 + threadIdx.x;
    uint4 v = make_uint4(word, word + 1, word + 2, word + 3);
    to[i] = v; to[i + blockDim.x] = v; to[i + 2 * blockDim.x] = v; to[i + 3 * blockDim.x] = v;
}
__global__ void nothing() {}

// Seconds of one call: the median of 31 timings, each as many calls as take ten milliseconds.
static double seconds_of(const std::function<void()> &run) {
    cudaEvent_t start, end;
    CHECK(cudaEventCreate(&start)); CHECK(cudaEventCreate(&end));
    auto timed = [&](int calls) {
        float ms;
        CHECK(cudaEventRecord(start));
        for (int i = 0; i < calls; i++) run();
        CHECK(cudaEventRecord(end));
        CHECK(cudaEventSynchronize(end)); CHECK(cudaGetLastError());
        CHECK(cudaEventElapsedTime(&ms, start, end));
        return ms / 1e3 / calls;
    };
    timed(3);
    int calls = std::max(1, std::min(10000, (int)(0.01 / timed(10))));
    for (double warm = 0; warm < 0.3;) warm += timed(calls) * calls;
    std::vector<double> all;
    for (int i = 0; i < 31; i++) all.push_back(timed(calls));
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}

int main(int argc, char **argv) {
    if (argc != 3) { std::fprintf(stderr, "usage: reference_rates DEVICE MEBIBYTES\n"); return 2; }
    size_t bytes = (size_t)std::atoll(argv[2]) << 20;
    if (bytes < ((size_t)1 << 20)) { std::fprintf(stderr, "too small\n"); return 2; }
    CHECK(cudaSetDevice(std::atoi(argv[1])));
    uint4 *a, *b; uint32_t *out;
    CHECK(cudaMalloc(&a, bytes)); CHECK(cudaMalloc(&b, bytes)); CHECK(cudaMalloc(&out, 256));
    fill_random<<<4096, 256>>>((uint32_t *)a, bytes / 4, 1u); fill_random<<<4096, 256>>>((uint32_t *)b, bytes / 4, 2u);
    CHECK(cudaDeviceSynchronize());
    unsigned blocks = (unsigned)(bytes / (256 * 4 * sizeof(uint4)));
    auto rate = [&](const char *name, double amount, const std::function<void()> &run) {
        std::printf("%s %.6g GB/s\n", name, amount / seconds_of(run) / 1e9);
        std::fflush(stdout);
    };
    rate("dram_copy_kernel", 2.0 * bytes, [&] { copy<<<blocks, 256>>>(a, b); });
    rate("dram_copy_memcpy", 2.0 * bytes, [&] { CHECK(cudaMemcpyAsync(b, a, bytes, cudaMemcpyDeviceToDevice)); });
    rate("dram_read", (double)bytes, [&] { read<<<blocks, 256>>>(a, out); });
    rate("dram_write", (double)bytes, [&] { write<<<blocks, 256>>>(b, 12345u); });
    rate("dram_write_memset", (double)bytes, [&] { CHECK(cudaMemsetAsync(b, 0x5a, bytes)); });
    size_t moved = std::min(bytes, (size_t)256 << 20);
    void *host;
    CHECK(cudaMallocHost(&host, moved));
    CHECK(cudaMemcpy(host, a, moved, cudaMemcpyDeviceToHost));
    rate("host_to_device", (double)moved, [&] { CHECK(cudaMemcpyAsync(b, host, moved, cudaMemcpyHostToDevice)); });
    rate("device_to_host", (double)moved, [&] { CHECK(cudaMemcpyAsync(host, a, moved, cudaMemcpyDeviceToHost)); });
    CHECK(cudaFreeHost(host));
    std::printf("launch_latency %.6g us\n", 1e6 * seconds_of([] { nothing<<<1, 1>>>(); }));
#ifdef WITH_CUBLAS
    int side = 8192;
    size_t cells = (size_t)side * side;
    if (2 * cells * 2 <= bytes) {
        cublasHandle_t blas;
        if (cublasCreate(&blas)) return 1;
        __nv_bfloat16 *x = (__nv_bfloat16 *)a, *y = x + cells, *z = (__nv_bfloat16 *)b;
        float one = 1, zero = 0;
        // Random values, not zeros: what the units draw, and so the clock, depends on the bits that change.
        std::vector<__nv_bfloat16> cell(cells);
        for (auto *matrix : {x, y}) {
            for (auto &c : cell) c = __float2bfloat16((float)std::rand() / (float)RAND_MAX * 2 - 1);
            CHECK(cudaMemcpy(matrix, cell.data(), 2 * cells, cudaMemcpyHostToDevice));
        }
        double took = seconds_of([&] {
            if (cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, side, side, side, &one, x, CUDA_R_16BF, side, y, CUDA_R_16BF,
                             side, &zero, z, CUDA_R_16BF, side, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT)) std::exit(1);
        });
        std::printf("matmul_bf16 %.6g TFLOPS\n", 2.0 * side * side * side / took / 1e12);
    }
#endif
    return 0;
}

"""Knows the two kernels that the driver compiles for its device: one that reads memory, one that does nothing.

PTX of version 6.0 for compute capability 5.0: every driver since CUDA 9 compiles it for every GPU that it supports.
"""

from __future__ import annotations

READ = "parity_read"
NOTHING = "parity_nothing"
THREADS = 256
TILE_BYTES = 16384  # 256 threads x 4 loads x 16 bytes: ``shl`` by 14 below
TILES_PER_BLOCK = 4  # small enough that the last blocks end together, large enough that starting them costs nothing

# Block b reads tiles b, b + blocks, ... of ``tiles``; four loads are under way per thread. What was read is folded into
# one word that is written where it equals a number that nobody can foresee, so that no load can be left out.
PTX = """\
.version 6.0
.target sm_50
.address_size 64

.visible .entry parity_nothing()
{
    ret;
}

.visible .entry parity_read(.param .u64 from, .param .u64 tiles, .param .u64 out)
{
    .reg .pred %more, %odd;
    .reg .b32 %thread, %block, %blocks, %sum, %a<4>, %b<4>, %c<4>, %d<4>;
    .reg .b64 %at, %tile, %tiles, %step, %offset, %out;

    ld.param.u64 %at, [from];
    ld.param.u64 %tiles, [tiles];
    ld.param.u64 %out, [out];
    cvta.to.global.u64 %at, %at;
    cvta.to.global.u64 %out, %out;
    mov.u32 %thread, %tid.x;
    mov.u32 %block, %ctaid.x;
    mov.u32 %blocks, %nctaid.x;
    cvt.u64.u32 %tile, %block;
    cvt.u64.u32 %step, %blocks;
    mul.wide.u32 %offset, %thread, 16;
    add.u64 %at, %at, %offset;
    mov.u32 %sum, 0;
    setp.lt.u64 %more, %tile, %tiles;
    @!%more bra done;
next:
    shl.b64 %offset, %tile, 14;
    add.u64 %offset, %at, %offset;
    ld.global.v4.u32 {%a0, %a1, %a2, %a3}, [%offset];
    ld.global.v4.u32 {%b0, %b1, %b2, %b3}, [%offset+4096];
    ld.global.v4.u32 {%c0, %c1, %c2, %c3}, [%offset+8192];
    ld.global.v4.u32 {%d0, %d1, %d2, %d3}, [%offset+12288];
    xor.b32 %a0, %a0, %a1;
    xor.b32 %a2, %a2, %a3;
    xor.b32 %b0, %b0, %b1;
    xor.b32 %b2, %b2, %b3;
    xor.b32 %c0, %c0, %c1;
    xor.b32 %c2, %c2, %c3;
    xor.b32 %d0, %d0, %d1;
    xor.b32 %d2, %d2, %d3;
    xor.b32 %a0, %a0, %a2;
    xor.b32 %b0, %b0, %b2;
    xor.b32 %c0, %c0, %c2;
    xor.b32 %d0, %d0, %d2;
    xor.b32 %a0, %a0, %b0;
    xor.b32 %c0, %c0, %d0;
    xor.b32 %sum, %sum, %a0;
    xor.b32 %sum, %sum, %c0;
    add.u64 %tile, %tile, %step;
    setp.lt.u64 %more, %tile, %tiles;
    @%more bra next;
done:
    setp.eq.u32 %odd, %sum, 305419896;
    @!%odd bra leave;
    st.global.u32 [%out], %sum;
leave:
    ret;
}
"""


def blocks_for(size: int) -> int:
    """Return how many blocks read ``size`` bytes.

    >>> blocks_for(1 << 30), blocks_for(TILE_BYTES)
    (16384, 1)
    """
    return max(1, size // TILE_BYTES // TILES_PER_BLOCK)

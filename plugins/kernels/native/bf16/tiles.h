#ifndef KERNELS_NATIVE_BF16_TILES_H
#define KERNELS_NATIVE_BF16_TILES_H
/* AMX tiles, as amx.c uses them: 0 to 3 are sums, 4 and 5 are of a, 6 and 7 of b. Rows are 64 bytes: 16 float32, or 16 pairs
 * of bfloat16. Numbers of tiles are literals.
 *
 *     tile_configure(rows)            tiles 0 to 5 have so many rows, 6 and 7 have 16; before any other, in each thread
 *     tile_zero(t)
 *     tile_load(t, from, bytes)       rows lie so many bytes apart
 *     tile_store(t, to, bytes)
 *     tile_product(sum, a, b)         sum[i, j] += Σ_k a[i, 2k]·b[k, 2j] + Σ_k a[i, 2k+1]·b[k, 2j+1], k < 16
 *     tile_release()                  the tiles are empty again, and threads switch without saving them
 *
 * By instructions, or where NATIVE_TILES_EMULATED is defined in C, so that a test runs the kernels anywhere.
 * The assembly says that it reads and writes memory: the intrinsics of gcc 12 do not, and what fills a buffer that a tile is
 * loaded from may then come after the load. */
#include "../native.h"

enum { TILE_ROWS = 16, TILE_BYTES = 64 };

#if !defined(NATIVE_TILES_EMULATED)

static inline void tile_configure(int64_t rows)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } c = {.palette = 1};
    _Static_assert(sizeof c == 64, "what ldtilecfg reads");
    for (int t = 0; t < 8; t++)
        c.row_bytes[t] = TILE_BYTES, c.rows[t] = t < 6 ? (uint8_t)rows : TILE_ROWS;
    __asm__ volatile("ldtilecfg %0" : : "m"(c) : "memory");
}
#define tile_release() __asm__ volatile("tilerelease" : : : "memory")
#define tile_zero(t_) __asm__ volatile("tilezero %%tmm" #t_ : :)
#define tile_load(t_, from_, bytes_)                                                                                   \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t_ : : "r"(from_), "r"((int64_t)(bytes_)) : "memory")
#define tile_store(t_, to_, bytes_)                                                                                    \
    __asm__ volatile("tilestored %%tmm" #t_ ", (%0,%1,1)" : : "r"(to_), "r"((int64_t)(bytes_)) : "memory")
#define tile_product(sum_, a_, b_) __asm__ volatile("tdpbf16ps %%tmm" #b_ ", %%tmm" #a_ ", %%tmm" #sum_ : :)

#else

void tile_configure(int64_t rows);
void tile_release(void);
void tile_zero(int t);
void tile_load(int t, const void *from, int64_t bytes);
void tile_store(int t, void *to, int64_t bytes);
void tile_product(int sum, int a, int b);

#endif
#endif

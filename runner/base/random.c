/* Philox 4×32-10 (Salmon, Moraes, Dror, Shaw 2011) and what is drawn from it. */
#include <runner/random.h>

#include <math.h>
#include <string.h>

void rn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c0 = n0, c1 = (uint32_t)b, c2 = n2, c3 = (uint32_t)a;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

uint32_t rn_stream_of(const char *name)
{
    uint32_t h = 2166136261u;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        h = (h ^ *p) * 16777619u;
    return h;
}

static void block(rn_stream s, uint64_t n, uint32_t out[4])
{
    const uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), s.step, s.draw}, key[2] = {s.seed, s.stream};
    rn_philox(counter, key, out);
}

static double uniform(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}

/* Two normal numbers from two words, cosine first. */
static void box_muller(uint32_t a, uint32_t b, double out[2])
{
    const double r = sqrt(-2 * log(uniform(a))), angle = 2 * M_PI * uniform(b);
    out[0] = r * cos(angle);
    out[1] = r * sin(angle);
}

uint32_t rn_random_word(rn_stream s, uint64_t index)
{
    uint32_t w[4];
    block(s, index / 4, w);
    return w[index % 4];
}

double rn_random_uniform(rn_stream s, uint64_t index)
{
    return uniform(rn_random_word(s, index));
}

double rn_random_normal(rn_stream s, uint64_t index)
{
    uint32_t w[4];
    double z[2];
    block(s, index / 4, w);
    box_muller(w[index % 4 / 2 * 2], w[index % 4 / 2 * 2 + 1], z);
    return z[index % 2];
}

void rn_random_normals(rn_stream s, uint64_t first, size_t n, float *out)
{
    uint32_t w[4];
    double z[4];
    uint64_t have = UINT64_MAX; /* the block that z comes from */
    for (size_t i = 0; i < n; i++) {
        const uint64_t index = first + i;
        if (index / 4 != have) {
            have = index / 4;
            block(s, have, w);
            box_muller(w[0], w[1], z);
            box_muller(w[2], w[3], z + 2);
        }
        out[i] = (float)z[index % 4];
    }
}

void rn_random_uniforms(rn_stream s, uint64_t first, size_t n, double *out)
{
    uint32_t w[4];
    uint64_t have = UINT64_MAX; /* the block that w is */
    for (size_t i = 0; i < n; i++) {
        const uint64_t index = first + i;
        if (index / 4 != have) {
            have = index / 4;
            block(s, have, w);
        }
        out[i] = uniform(w[index % 4]);
    }
}

uint64_t rn_random_below(rn_stream s, uint64_t index, uint64_t below)
{
    const uint64_t word = (uint64_t)rn_random_word(s, 2 * index) << 32 | rn_random_word(s, 2 * index + 1);
    return (uint64_t)((unsigned __int128)word * below >> 64);
}

void rn_random_permutation(rn_stream s, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = (int64_t)rn_random_below(s, (uint64_t)i, (uint64_t)i + 1), swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}

/* random_normal: the numbers of rn_random_normal, Box–Muller in float32 vectors with an error below 2·10⁻⁶:
 *
 *     r = √(−2·log u),  z = r·cos 2πv, r·sin 2πv,  u, v = (word + ½)/2³²
 *
 * What float32 would lose is taken from the words instead: log u near 1 from the words that are left up to 2³², the angle
 * from the distance to the nearest quarter turn. Polynomials: Cephes, logf and sinf. */
#include "philox.h"

#include <math.h>

enum { UNIT_ELEMENTS = 8192 };

static inline vf vf_sqrt(vf x)
{
#if defined(__AVX512F__)
    return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
    return _mm256_sqrt_ps(x);
#else
    for (int i = 0; i < VF_LANES; i++)
        x[i] = sqrtf(x[i]);
    return x;
#endif
}
static inline vf vf_of_int(vi x) { return __builtin_convertvector(x, vf); }

/* log((word + ½)/2³²) = e·log 2 + log(1 + f), √½ ≤ 1 + f < √2 */
static inline vf log_uniform(vu word)
{
    /* word + ½, rounded once: the halves of the word are exact */
    const vf x = vf_fma(vf_of_int((vi)(word >> 16)), vf_of(65536.0f), vf_of_int((vi)(word & 0xffffu)) + vf_of(0.5f));
    const uint32_t sqrt_half = 0x3f3504f3u; /* the bits of √½ */
    const vu shifted = (vu)x - sqrt_half;
    const vf e = vf_of_int(((vi)shifted >> 23) - 32);
    const vf near = vf_of(-0x1p-32f) * (vf_of_int((vi)~word) + vf_of(0.5f)); /* used where ~word is below 2³⁰·1.2 */
    const vf f = vf_select((vu)(word >= 0xb504f334u), near, (vf)((shifted & 0x7fffffu) + sqrt_half) - vf_of(1.0f));
    const vf z = f * f;
    vf p = vf_of(7.0376836292e-2f);
    p = vf_fma(p, f, vf_of(-1.1514610310e-1f));
    p = vf_fma(p, f, vf_of(1.1676998740e-1f));
    p = vf_fma(p, f, vf_of(-1.2420140846e-1f));
    p = vf_fma(p, f, vf_of(1.4249322787e-1f));
    p = vf_fma(p, f, vf_of(-1.6668057665e-1f));
    p = vf_fma(p, f, vf_of(2.0000714765e-1f));
    p = vf_fma(p, f, vf_of(-2.4999993993e-1f));
    p = vf_fma(p, f, vf_of(3.3333331174e-1f));
    p = vf_fma(e, vf_of(-2.12194440e-4f), p * f * z);
    return vf_fma(e, vf_of(0.693359375f), f + vf_fnma(vf_of(0.5f), z, p));
}

/* cos and sin of 2π(word + ½)/2³²: the upper two bits (rounded) count quarter turns, the rest is an angle of ±π/4. */
static inline void turn(vu word, vf *cosine, vf *sine)
{
    const vu quarter = (word + 0x20000000u) >> 30;
    const vf x = (vf_of_int((vi)(word - (quarter << 30))) + vf_of(0.5f)) * vf_of(1.46291807926715968e-9f /* 2π/2³² */);
    const vf z = x * x;
    vf s = vf_fma(vf_of(-1.9515295891e-4f), z, vf_of(8.3321608736e-3f));
    s = vf_fma(s, z, vf_of(-1.6666654611e-1f));
    s = vf_fma(s * z, x, x);
    vf c = vf_fma(vf_of(2.443315711809948e-5f), z, vf_of(-1.388731625493765e-3f));
    c = vf_fma(c, z, vf_of(4.166664568298827e-2f));
    c = vf_fma(c * z, z, vf_fnma(vf_of(0.5f), z, vf_of(1.0f)));
    const vu swap = 0u - (quarter & 1u);
    *cosine = (vf)((vu)vf_select(swap, s, c) ^ ((quarter + 1u) & 2u) << 30);
    *sine = (vf)((vu)vf_select(swap, c, s) ^ (quarter & 2u) << 30);
}

/* The numbers 4·block … of PHILOX_WORDS, in order. */
static inline void normal_vectors(rn_stream s, uint64_t block, vf *first, vf *second)
{
    vu a, b;
    vf cosine, sine;
    philox(s, block, &a, &b);
    const vf r = vf_sqrt(vf_of(-2.0f) * log_uniform(a));
    turn(b, &cosine, &sine);
    vf_weave(r * cosine, r * sine, first, second);
}

static void normals(rn_stream s, uint64_t index, int64_t n, float *y)
{
    while (n > 0) {
        const int64_t skip = (int64_t)(index % 4), done = least(n, PHILOX_WORDS - skip);
        vf first, second;
        normal_vectors(s, index / 4, &first, &second);
        if (done == PHILOX_WORDS) {
            vf_store(y, first);
            vf_store(y + VF_LANES, second);
        } else {
            float some[PHILOX_WORDS];
            vf_store(some, first);
            vf_store(some + VF_LANES, second);
            memcpy(y, some + skip, (size_t)done * sizeof *y);
        }
        index += (uint64_t)done;
        y += done;
        n -= done;
    }
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_count(c->out[0]), UNIT_ELEMENTS);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_stream s = stream_of(m, ((const rn_random_normal_attr *)c->attr)->stream);
    const int64_t first = begin * UNIT_ELEMENTS, last = least(end * UNIT_ELEMENTS, rn_count(c->out[0]));
    normals(s, first_index(c, m) + (uint64_t)first, last - first, (float *)m->out[0] + first);
}

NATIVE(random_normal, "Philox and Box–Muller in vectors", .plan = plan, .run = run);

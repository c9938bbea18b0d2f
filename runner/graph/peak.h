#ifndef RN_GRAPH_PEAK_H
#define RN_GRAPH_PEAK_H
/* The machine's peaks: multiply-adds on registers alone, on all threads of the pool. Clocks wander, so a
 * benchmark measures them again and again between the steps that it compares with them. */

/* FLOP per second over about `seconds` of work, two for each multiply-add. */
double rn_peak_float32(double seconds);

/* The same for products of bfloat16 added up in float32: the fastest instruction that there is, tiles (AMX) or vectors, each
 * measured. 0: there is none. */
double rn_peak_bf16(double seconds);

#endif

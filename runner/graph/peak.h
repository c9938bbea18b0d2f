#ifndef RN_GRAPH_PEAK_H
#define RN_GRAPH_PEAK_H
/* The machine's float32 peak: multiply-adds on registers alone, on all threads of the pool. Clocks wander, so a
 * benchmark measures it again and again between the steps that it compares with it. */

/* FLOP per second over about `seconds` of work, two for each multiply-add. */
double rn_peak_float32(double seconds);

#endif

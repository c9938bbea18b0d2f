#ifndef RN_BASE_PARALLEL_H
#define RN_BASE_PARALLEL_H
/* The one parallel loop. CMake chooses its file: pthreads (which sleep while they wait, and which sanitizers
 * understand) or OpenMP (one pool with libraries that use it). Denormals are flushed in every thread of the pool. */
#include <stdint.h>

typedef void rn_parallel_body(void *context, int thread, int64_t begin, int64_t end);

/* Threads of the pool: set once, by the command line; before that the CPUs this process may use. */
void rn_threads_set(int threads);
int rn_threads(void);

/* body(context, thread, begin, end) for ranges that together are [0, n), each once; returns when all are done. Which
 * thread gets which range, and where ranges end, is nobody's business: what a body computes may depend on neither.
 * thread: 0 … rn_threads() − 1, never in two calls at the same time. Not from inside a body. */
void rn_parallel(int64_t n, rn_parallel_body *body, void *context);

#endif

#ifndef TESTS_SUPPORT_RUNNING_H
#define TESTS_SUPPORT_RUNNING_H
/* A graph made ready to run, with parameters as a run of that seed begins with. Whatever goes wrong fails the test. */
#include "graph/program.h"
#include "test.h"

typedef struct running {
    rn_program *program;
    const rn_parameters *parameters;
    rn_parameter_set set;
    rn_type type;
    void *arena;
} running;

void running_open(running *r, rn_graph *g, const rn_parameters *p, uint32_t seed);
/* With the kernels of that set where it has some. */
void running_open_with(running *r, rn_graph *g, const rn_parameters *p, uint32_t seed, const char *kernels);
void running_close(running *r);

/* Even numbers on (−1, 1) into an input or a parameter: number i is running_even(stream, i). A run may write over its
 * inputs. */
double running_even(uint32_t stream, int64_t i);
void running_fill(running *r, const char *input, uint32_t stream);
void running_set_parameter(running *r, const char *name, uint32_t stream);

/* An element of a named output, in order of memory. */
double running_at(const running *r, const char *name, int64_t i);
void running_run(running *r);

/* Largest |a − b| over all elements of two outputs of equal count, over the largest |b|. */
double running_difference(const running *ra, const char *a, const running *rb, const char *b);

#endif

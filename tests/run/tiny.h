#ifndef TESTS_RUN_TINY_H
#define TESTS_RUN_TINY_H
/* The smallest spec that trains, samples, scores and stores: a second a run. */

#define TINY_SPEC                                                                                  \
    "version: 1\n"                                                                                 \
    "name: tiny\n"                                                                                 \
    "data: {type: dead_leaves, count: 24, held_out: 4, resolution: 16, flip: true}\n"              \
    "model:\n"                                                                                     \
    "  type: uvit\n"                                                                               \
    "  levels:\n"                                                                                  \
    "    - {channels: 8, block: resnet, blocks: 1, dropout: 0.1}\n"                                \
    "    - {channels: 16, block: transformer, blocks: 1, heads: 2, dropout: 0.1}\n"                \
    "train: {steps: 6, batch: 4, optimizer: {lr: 1e-3, warmup: 2}, log_every: 2}\n"                \
    "evaluate: {samples: 6, batch: 4, sheet: 4, sampler: {type: ddim, steps: 2}}\n"                \
    "seeds: [0, 1]\n"                                                                              \
    "vary: {task.schedule.shift: [none, {from: 8}]}\n"

#define RUNNER "'" BUILD_FOLDER "/runner'"

#endif

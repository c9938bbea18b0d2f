#ifndef TESTS_TEST_H
#define TESTS_TEST_H
/* What every test program includes: cmocka and what it needs. Asserts are for the main thread alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <runner/error.h>

/* The call must succeed; otherwise the test fails with the error's text. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s:%d:%d: %s", #call, (err).file, (err).line, (err).column, (err).text); \
    } while (0)

/* Exit status of a program whose tests were all skipped, as ctest is told in tests/CMakeLists.txt. */
enum { TEST_SKIPPED = 77 };

#endif

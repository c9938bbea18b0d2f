#define DNN_LIBRARY_ITSELF
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

struct dnn_library dnn_library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool there;

/* A function's address into a pointer to a function; what C has for it. */
static bool find(void *handle, const char *name, void *to)
{
    void *address = dlsym(handle, name);
    memcpy(to, &address, sizeof address);
    return address != NULL;
}

/* Never closed: the runner keeps its plugins to the end, too. */
static void open_it(void)
{
    void *handle = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    bool ok = find(handle, "omp_set_num_threads", &dnn_library.set_threads) &&
              find(handle, "omp_get_max_threads", &dnn_library.threads);
#define DNN_FIND(name_) ok = ok && find(handle, #name_, &dnn_library.to_##name_);
    DNN_FUNCTIONS(DNN_FIND)
    there = ok;
}

bool dnn_library_open(void)
{
    pthread_once(&once, open_it);
    return there;
}

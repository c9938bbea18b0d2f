#ifndef RN_PLUGIN_CATALOGUE_H
#define RN_PLUGIN_CATALOGUE_H
/* The registry as spec/ sees it, which lies below plugin/ and knows no plugins. */
#include "plugin/registry.h"
#include "spec/catalogue.h"

/* Borrows the registry; of the places searched it knows those of now. Thread safety: as reading the registry. */
rn_catalogue rn_registry_catalogue(rn_registry *r);

#endif

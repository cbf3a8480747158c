// Counts heap allocations. The linker (--wrap) redirects every call to these functions.
#include "CBenchmark.h"

#include <stddef.h>

static _Thread_local unsigned long long count;

unsigned long long cbenchmark_allocations(void) { return count; }

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **result, size_t alignment, size_t size);

void *__wrap_malloc(size_t size) {
  count++;
  return __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size) {
  count++;
  return __real_calloc(number, size);
}

void *__wrap_realloc(void *old, size_t size) {
  count++;
  return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  count++;
  return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **result, size_t alignment, size_t size) {
  count++;
  return __real_posix_memalign(result, alignment, size);
}

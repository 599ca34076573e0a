/*
 * What std's locks do, told to ThreadSanitizer: std comes without it, so that of a lock it sees only what is inlined into
 * our code. A lock that had to wait, a condition and a `Once` are calls of std, which scripts/sanitize has the linker send
 * through here. Without this, each contended lock would be a race in what it guards, which no suppression can tell from a
 * real one.
 *
 * The macros LOCK, READ, WRITE, WAIT, WAIT_TIMEOUT and ONCE are the names of std's functions. Arguments are handed on as
 * they come, in registers; the first is always the lock, and of a condition the second.
 */
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define JOINED(a, b) a##b
#define NAMED(prefix, name) JOINED(prefix, name)
#define ARGUMENTS void *self, void *second, uintptr_t third, uintptr_t fourth, uintptr_t fifth, uintptr_t sixth

/* `before` and `after` are done around the call of std's function. */
#define TOLD(name, before, after)                                                                                      \
    uintptr_t NAMED(__real_, name)(ARGUMENTS);                                                                         \
    uintptr_t NAMED(__wrap_, name)(ARGUMENTS) {                                                                        \
        before;                                                                                                        \
        uintptr_t result = NAMED(__real_, name)(self, second, third, fourth, fifth, sixth);                            \
        after;                                                                                                         \
        return result;                                                                                                 \
    }

TOLD(LOCK, (void)0, __tsan_acquire(self))
TOLD(READ, (void)0, __tsan_acquire(self))
TOLD(WRITE, (void)0, __tsan_acquire(self))
TOLD(WAIT, __tsan_release(second), __tsan_acquire(second))
TOLD(WAIT_TIMEOUT, __tsan_release(second), __tsan_acquire(second))
TOLD(ONCE, (void)0, (__tsan_release(self), __tsan_acquire(self)))

/* Library to preload: the process then finds CORES processors. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *mask) {
    memset(mask, 0, size);
    for (int core = 0; core < CORES; core++) CPU_SET_S(core, size, mask);
    return 0;
}

long sysconf(int name) {
    static long (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "sysconf");
    return name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF ? CORES : real(name);
}

int get_nprocs(void) { return CORES; }
int get_nprocs_conf(void) { return CORES; }

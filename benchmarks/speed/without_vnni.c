/* Hides VNNI and AMX from a program, to see what int8 brings without them.

   gcc -O1 -shared -fPIC -o without_vnni.so without_vnni.c
   LD_PRELOAD=./without_vnni.so python networks.py

   Linux can have the instruction CPUID end in a signal, on processors with the flag
   cpuid_fault. The signal's handler answers as CPUID would, but for those bits. */

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012

static void allow(unsigned long yes) {
  if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, yes)) {
    const char text[] = "without_vnni: this processor cannot hide anything\n";
    write(2, text, sizeof text - 1);
    _exit(1);
  }
}

static void answer(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *next = (const unsigned char *)registers[REG_RIP];
  if (next[0] != 0x0f || next[1] != 0xa2) { /* not CPUID */
    signal(SIGSEGV, SIG_DFL);
    return;
  }
  unsigned leaf = registers[REG_RAX], part = registers[REG_RCX], a, b, c, d;
  allow(1);
  __cpuid_count(leaf, part, a, b, c, d);
  allow(0);
  if (leaf == 7 && part == 0) {
    c &= ~(1u << 11);                           /* AVX512_VNNI */
    d &= ~(1u << 22 | 1u << 24 | 1u << 25);     /* AMX */
  }
  if (leaf == 7 && part == 1) {
    a &= ~(1u << 4 | 1u << 21);                 /* AVX_VNNI, AMX_FP16 */
    d &= ~(1u << 4 | 1u << 8 | 1u << 10);       /* AVX_VNNI_INT8, AMX, INT16 */
  }
  registers[REG_RAX] = a;
  registers[REG_RBX] = b;
  registers[REG_RCX] = c;
  registers[REG_RDX] = d;
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
  struct sigaction action = {0};
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, NULL);
  allow(0);
}

/* The sandbox container of every pod: it holds the pod's namespaces and does nothing else.
 *
 * It is process 1 of the pod's pid namespace when containers share it, so it must reap orphans; and process 1 has no
 * default signal actions, so it must ask for SIGTERM and SIGINT to end it. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) return EXIT_FAILURE;

  for (;;) {
    int signal_number = 0;
    if (sigwait(&signals, &signal_number) != 0) return EXIT_FAILURE;
    if (signal_number != SIGCHLD) return EXIT_SUCCESS;
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  }
}

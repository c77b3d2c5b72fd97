/* The program in the pods of cluster_test.py; static, so it is an image on its own.
 *
 *   hello serve PORT        prints "serving", and answers every connection with "hello from HOSTNAME"
 *   hello say TEXT          prints TEXT
 *   hello connect IP PORT   prints "connected" if it can connect */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what) {
  perror(what);
  return EXIT_FAILURE;
}

static int serve(in_port_t port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return fail("bind");
  if (listen(listener, 16) != 0) return fail("listen");
  puts("serving");
  fflush(stdout);
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return fail("accept");
    char request[4096], host[256] = "";
    gethostname(host, sizeof host - 1);
    if (read(connection, request, sizeof request) > 0) {
      dprintf(connection, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\nhello from %s",
              strlen("hello from ") + strlen(host), host);
    }
    close(connection);
  }
}

static int try_connect(const char *ip, in_port_t port) {
  int client = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, ip, &address.sin_addr);
  if (connect(client, (struct sockaddr *)&address, sizeof address) != 0) return fail("connect");
  puts("connected");
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve((in_port_t)atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "say") == 0) return puts(argv[2]) < 0;
  if (argc == 4 && strcmp(argv[1], "connect") == 0) return try_connect(argv[2], (in_port_t)atoi(argv[3]));
  fputs("usage: hello serve PORT | say TEXT | connect IP PORT\n", stderr);
  return 2;
}

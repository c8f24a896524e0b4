/*
 * The limit: what a program gets out of gearmand that does nothing but send packets that lie ready, in large writes, and
 * count the answers. Every row of the table is a ratio to it.
 *
 *   raw background|foreground|status|worker --port P [--jobs N] [--warmup N] [--window N] [--size N] [--unique N]
 *       [--grabs N] [--function NAME]
 *
 * background: SUBMIT_JOB_BG, at most `window` unanswered. foreground: SUBMIT_JOB likewise, a job counting as answered
 * with its WORK_COMPLETE; with a window of 1 each one's latency is told. status: GET_STATUS of a job that waits. worker:
 * works jobs off with `grabs` GRAB_JOB out, and gives their workloads back; with 0 jobs until its input ends.
 *
 * Prints JSON: {"ops": …, "seconds": …, "cpu": …, "latencies": […]}, times in seconds, latencies in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CAN_DO = 1, PRE_SLEEP = 4, NOOP = 6, SUBMIT_JOB = 7, JOB_CREATED = 8, GRAB_JOB = 9, NO_JOB = 10, JOB_ASSIGN = 11,
       WORK_COMPLETE = 13, GET_STATUS = 15, SUBMIT_JOB_BG = 18, STATUS_RES = 20 };

/* Packets of a larger workload share it: it goes out as a part of its own. */
#define SHARED 4096
#define PARTS 128
#define WINDOW (1 << 18)
#define BATCH (1 << 20)

static const char *job, *function = "bench";
static long port = 4730, jobs = 100000, warmup = 0, window = 1000, size = 16, unique_size = 16, grabs = 1;
static int line;

static void die(const char *what) {
  fprintf(stderr, "raw: %s: %s\n", what, errno ? strerror(errno) : "the server said something else");
  exit(1);
}

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void dial(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  line = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(line, (struct sockaddr *)&address, sizeof address)) die("connect");
  setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(line, F_SETFL, O_NONBLOCK);
}

static void await(int events) {
  struct pollfd entry = {.fd = line, .events = events};
  if (poll(&entry, 1, -1) < 0 && errno != EINTR) die("poll");
}

/* ---- received packets ---- */

static uint8_t input[WINDOW];
static size_t have, at;

static uint32_t number(const uint8_t *from) {
  uint32_t value;
  memcpy(&value, from, 4);
  return ntohl(value);
}

/* Reads once; whether anything came. Incomplete packets stay. */
static int fill(void) {
  if (at) memmove(input, input + at, have -= at), at = 0;
  ssize_t count = read(line, input + have, WINDOW - have);
  if (count == 0) errno = 0, die("the server closed the connection");
  if (count < 0 && errno != EAGAIN && errno != EINTR) die("read");
  if (count > 0) have += count;
  return count > 0;
}

/* The next complete packet's type, or -1; its body. */
static int packet(uint8_t **body, uint32_t *length) {
  if (have - at < 12) return -1;
  *length = number(input + at + 8);
  if (have - at < 12 + *length) {
    if (12 + *length > WINDOW) errno = EMSGSIZE, die("packet");
    return -1;
  }
  *body = input + at + 12;
  int type = number(input + at + 4);
  at += 12 + *length;
  return type;
}

static uint8_t *header(uint8_t *to, uint32_t type, uint32_t length) {
  uint32_t words[2] = {htonl(type), htonl(length)};
  memcpy(to, "\0REQ", 4);
  memcpy(to + 4, words, 8);
  return to + 12;
}

static void write_all(const uint8_t *from, size_t length) {
  while (length) {
    ssize_t count = write(line, from, length);
    if (count < 0 && errno != EAGAIN) die("write");
    if (count < 0) await(POLLOUT);
    else from += count, length -= count;
  }
}

/* ---- requests: a ring of packets that lie ready, of which only the unique is written anew ---- */

static uint8_t *ring, *workload;
static char run_id[16]; /* another one each run: a unique that is queued already would only be joined */
static size_t stride, unique_at;
static long slots;

static void prepare(int type, const char *first) {
  long tail = type == GET_STATUS ? 0 : size;
  long body = type == GET_STATUS ? (long)strlen(first) : (long)strlen(first) + 1 + unique_size + 1 + size;
  workload = malloc(size + 1);
  memset(workload, 'x', size);
  snprintf(run_id, sizeof run_id, "%08x", (unsigned)(getpid() ^ (unsigned long)(now() * 1e6) << 12));
  stride = 12 + body - (tail > SHARED ? tail : 0);
  unique_at = 12 + strlen(first) + 1;
  slots = window * 2 < 64 ? 64 : window * 2;
  ring = malloc(stride * slots);
  for (long slot = 0; slot < slots; slot++) {
    uint8_t *to = header(ring + slot * stride, type, body);
    memcpy(to, first, strlen(first));
    if (type == GET_STATUS) continue;
    to += strlen(first);
    *to++ = 0;
    memset(to, 'u', unique_size);
    if (unique_size >= 12) memcpy(to, run_id, 8);
    to += unique_size;
    *to++ = 0;
    if (tail <= SHARED) memcpy(to, workload, size);
  }
}

/* The unique of a serial number ends in its digits in base 32, as those do that our client generates. */
static void stamp(long serial, long slot) {
  uint8_t *to = ring + slot * stride + unique_at;
  for (long digit = unique_size - 1; digit >= 0 && digit >= unique_size - 7; digit--, serial >>= 5)
    to[digit] = "0123456789abcdefghijklmnopqrstuv"[serial & 31];
}

/* Writes packets `from` to `to`, where the one before had `offset` bytes written; the bytes that now are. */
static ssize_t send_some(long from, long to, size_t offset) {
  struct iovec parts[PARTS];
  int count = 0;
  if (size > SHARED && strcmp(job, "status")) {
    for (long each = from; each < to && count < PARTS; each++) {
      parts[count++] = (struct iovec){ring + each % slots * stride, stride};
      parts[count++] = (struct iovec){workload, size};
    }
    for (int each = 0; each < 2; each++) {
      size_t skip = offset < parts[each].iov_len ? offset : parts[each].iov_len;
      parts[each].iov_base = (uint8_t *)parts[each].iov_base + skip;
      parts[each].iov_len -= skip;
      offset -= skip;
    }
  } else {
    long slot = from % slots, run = to - from, first = run < slots - slot ? run : slots - slot;
    parts[count++] = (struct iovec){ring + slot * stride + offset, first * stride - offset};
    if (run > first) parts[count++] = (struct iovec){ring, (run - first) * stride};
  }
  ssize_t written = writev(line, parts, count);
  if (written < 0 && errno != EAGAIN) die("write");
  return written < 0 ? 0 : written;
}

static double *latencies;

/*
 * Sends `count` requests, and counts the answers of one type. It writes when half of the window is free, or a megabyte
 * of it: small writes, one for each few answers, take gearmand half of its speed.
 */
static void pump(long count, long first_serial, int answer) {
  size_t whole = stride + (size > SHARED && answer != STATUS_RES ? size : 0), offset = 0;
  long stamped = 0, sent = 0, answered = 0, least = window / 2 < BATCH / (long)whole ? window / 2 : BATCH / (long)whole;
  double begun = 0;
  while (answered < count) {
    long may = answered + window < count ? answered + window : count;
    if (answer != STATUS_RES && unique_size)
      for (; stamped < may; stamped++) stamp(first_serial + stamped, stamped % slots);
    int due = sent < may && (offset || may == count || may - sent >= least);
    if (due) {
      if (window == 1) begun = now();
      size_t written = send_some(sent, may, offset) + offset;
      sent += written / whole;
      offset = written % whole;
    }
    await(due && sent < may ? POLLIN | POLLOUT : POLLIN);
    if (!fill()) continue;
    uint8_t *body;
    uint32_t length;
    for (int type; (type = packet(&body, &length)) >= 0;) {
      if (type == answer) {
        if (window == 1 && latencies) latencies[answered] = (now() - begun) * 1e6;
        answered++;
      } else if (type != JOB_CREATED) errno = 0, die("answer");
    }
  }
}

/* A job of a function that nobody works off: its handle. */
static char *waiting_job(void) {
  static char handle[128];
  uint8_t out[64], *body;
  uint32_t length = 0;
  memcpy(header(out, SUBMIT_JOB_BG, 10), "waiting\0\0x", 10);
  write_all(out, 22);
  while (packet(&body, &length) != JOB_CREATED) await(POLLIN), fill();
  snprintf(handle, sizeof handle, "%.*s", (int)length, body);
  return handle;
}

/* ---- the worker ---- */

static uint8_t output[WINDOW * 2];

/* Works `count` jobs off; 0: until the server is gone. */
static void work(long count) {
  static long out = 0;
  static int woken = 1;
  uint8_t *body, *to = output;
  uint32_t length;
  for (long done = 0; !count || done < count;) {
    long jobs_here = 0;
    for (int type; (type = packet(&body, &length)) >= 0;) {
      if (type == NOOP) woken = 1;
      else if (type == NO_JOB) out--;
      else if (type == JOB_ASSIGN) {
        uint8_t *name = memchr(body, 0, length), *data = (uint8_t *)memchr(name + 1, 0, body + length - name - 1) + 1;
        size_t handle_size = name + 1 - body, data_size = body + length - data;
        to = header(to, WORK_COMPLETE, handle_size + data_size);
        to = (uint8_t *)mempcpy(mempcpy(to, body, handle_size), data, data_size);
        out--, jobs_here++;
        if (count && done + jobs_here == count) break;
      } else errno = 0, die("answer");
    }
    done += jobs_here;
    if (jobs_here || woken)
      for (; out < grabs; out++) to = header(to, GRAB_JOB, 0);
    else if (out == 0) to = header(to, PRE_SLEEP, 0);
    woken = 0;
    write_all(output, to - output);
    to = output;
    if (count && done >= count) return;
    await(POLLIN), fill();
  }
}

int main(int count, char **words) {
  struct { const char *name; long *value; } options[] = {
    {"--port", &port}, {"--jobs", &jobs}, {"--warmup", &warmup}, {"--window", &window},
    {"--size", &size}, {"--unique", &unique_size}, {"--grabs", &grabs}};
  if (count < 2) errno = EINVAL, die("a job type is missing");
  job = words[1];
  for (int each = 2; each + 1 < count; each += 2) {
    if (!strcmp(words[each], "--function")) function = words[each + 1];
    for (size_t option = 0; option < sizeof options / sizeof *options; option++)
      if (!strcmp(words[each], options[option].name)) *options[option].value = atol(words[each + 1]);
  }
  dial();
  int working = !strcmp(job, "worker"), type = SUBMIT_JOB_BG, answer = JOB_CREATED;
  if (working) {
    uint8_t out[256];
    size_t length = strlen(function);
    memcpy(header(out, CAN_DO, length), function, length);
    write_all(out, 12 + length);
  } else {
    if (!strcmp(job, "foreground")) type = SUBMIT_JOB, answer = WORK_COMPLETE;
    else if (!strcmp(job, "status")) type = GET_STATUS, answer = STATUS_RES;
    else if (strcmp(job, "background")) errno = EINVAL, die(job);
    prepare(type, type == GET_STATUS ? waiting_job() : function);
  }
  if (working && !jobs) work(0);
  if (warmup) working ? work(warmup) : pump(warmup, 1, answer);
  if (window == 1 && type == SUBMIT_JOB) latencies = malloc(jobs * sizeof *latencies);
  double began = now(), used = cpu();
  working ? work(jobs) : pump(jobs, warmup + 1, answer);
  double took = now() - began;
  printf("{\"ops\":%ld,\"seconds\":%.6f,\"cpu\":%.6f", jobs, took, cpu() - used);
  if (latencies) {
    printf(",\"latencies\":[");
    for (long each = 0; each < jobs; each++) printf("%s%.1f", each ? "," : "", latencies[each]);
    printf("]");
  }
  puts("}");
}

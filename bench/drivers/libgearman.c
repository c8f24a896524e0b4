/*
 * libgearman, the C library of gearmand. It takes raw.c's arguments, and prints what that does. Many requests at once
 * are its tasks: `window` of them are added, run to their end, and freed. With `--way do`, one call after the other.
 */
#define _GNU_SOURCE
#include <libgearman/gearman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char *job, *function = "bench", *way = "";
static long port = 4730, jobs = 100000, warmup = 0, window = 1000, size = 16, grabs = 1;
static gearman_client_st *client;
static char *workload;
static gearman_job_handle_t waiting;
static double *latencies;

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

static void check(gearman_return_t code) {
  if (code == GEARMAN_SUCCESS || code == GEARMAN_JOB_EXISTS) return;
  fprintf(stderr, "libgearman: %s\n", gearman_strerror(code));
  exit(1);
}

static void one_by_one(long count, int timed) {
  gearman_return_t code;
  for (long each = 0; each < count; each++) {
    double begun = now();
    if (!strcmp(job, "background")) {
      gearman_job_handle_t handle;
      code = gearman_client_do_background(client, function, NULL, workload, size, handle);
    } else if (!strcmp(job, "status")) {
      bool known, running;
      uint32_t numerator, denominator;
      code = gearman_client_job_status(client, waiting, &known, &running, &numerator, &denominator);
    } else {
      size_t length;
      free(gearman_client_do(client, function, NULL, workload, size, &length, &code));
    }
    check(code);
    if (timed && latencies) latencies[each] = (now() - begun) * 1e6;
  }
}

static void by_tasks(long count) {
  for (long done = 0; done < count; done += window) {
    long batch = count - done < window ? count - done : window;
    for (long each = 0; each < batch; each++) {
      gearman_return_t code = GEARMAN_SUCCESS;
      if (!strcmp(job, "background"))
        gearman_client_add_task_background(client, NULL, NULL, function, NULL, workload, size, &code);
      else if (!strcmp(job, "status"))
        gearman_client_add_task_status(client, NULL, NULL, waiting, &code);
      else
        gearman_client_add_task(client, NULL, NULL, function, NULL, workload, size, &code);
      check(code);
    }
    check(gearman_client_run_tasks(client));
    gearman_client_task_free_all(client);
  }
}

static gearman_return_t handler(gearman_job_st *given, void *context) {
  (void)context;
  return gearman_job_send_complete(given, gearman_job_workload(given), gearman_job_workload_size(given));
}

static gearman_worker_st *worker;

static void run(long count, int timed) {
  if (worker)
    for (long each = 0; each < count; each++) check(gearman_worker_work(worker));
  else if (window == 1 || !strcmp(way, "do"))
    one_by_one(count, timed);
  else
    by_tasks(count);
}

int main(int count, char **words) {
  struct { const char *name; long *value; } options[] = {
    {"--port", &port}, {"--jobs", &jobs}, {"--warmup", &warmup}, {"--window", &window}, {"--size", &size}, {"--grabs", &grabs}};
  job = count > 1 ? words[1] : "background";
  for (int each = 2; each + 1 < count; each += 2) {
    if (!strcmp(words[each], "--function")) function = words[each + 1];
    if (!strcmp(words[each], "--way")) way = words[each + 1];
    for (size_t option = 0; option < sizeof options / sizeof *options; option++)
      if (!strcmp(words[each], options[option].name)) *options[option].value = atol(words[each + 1]);
  }
  workload = memset(malloc(size + 1), 'x', size);
  if (!strcmp(job, "worker")) {
    worker = gearman_worker_create(NULL);
    check(gearman_worker_add_server(worker, "127.0.0.1", port));
    check(gearman_worker_define_function(worker, function, strlen(function), gearman_function_create(handler), 0, NULL));
  } else {
    client = gearman_client_create(NULL);
    check(gearman_client_add_server(client, "127.0.0.1", port));
    if (!strcmp(job, "status")) check(gearman_client_do_background(client, "waiting", NULL, "x", 1, waiting));
  }
  if (warmup) run(warmup, 0);
  if (window == 1 && !strcmp(job, "foreground")) latencies = malloc(jobs * sizeof *latencies);
  double began = now(), used = cpu();
  run(jobs, 1);
  printf("{\"ops\":%ld,\"seconds\":%.6f,\"cpu\":%.6f", jobs, now() - began, cpu() - used);
  if (latencies) {
    printf(",\"latencies\":[");
    for (long each = 0; each < jobs; each++) printf("%s%.1f", each ? "," : "", latencies[each]);
    printf("]");
  }
  puts("}");
}

<?php
// What libgearman's C interface can do and no extension offers: jobs with a time, and reduce jobs.
[, $port, $prefix] = $argv;

$c = FFI::cdef('
    typedef struct { const char *c_str; size_t size; } gearman_literal_param_t;
    typedef struct { gearman_literal_param_t name, value; } gearman_argument_t;
    typedef struct { int kind; int priority; union { int64_t epoch; } options; } gearman_task_attr_t;
    void *gearman_client_create(void *);
    void gearman_client_free(void *);
    void gearman_client_set_timeout(void *, int);
    int gearman_client_add_server(void *, const char *, uint16_t);
    const char *gearman_client_error(const void *);
    gearman_argument_t gearman_argument_make(const char *, size_t, const char *, size_t);
    gearman_task_attr_t gearman_task_attr_init(int);
    gearman_task_attr_t gearman_task_attr_init_epoch(int64_t, int);
    void *gearman_execute(void *, const char *, size_t, const char *, size_t, gearman_task_attr_t *, gearman_argument_t *, void *);
    void *gearman_execute_by_partition(void *, const char *, size_t, const char *, size_t, const char *, size_t, gearman_task_attr_t *, gearman_argument_t *, void *);
    int gearman_task_return(const void *);
    void *gearman_task_result(void *);
    const char *gearman_result_value(const void *);
    size_t gearman_result_size(const void *);
', 'libgearman.so.8');

function workload(FFI $c, string $text): FFI\CData {
    return $c->gearman_argument_make(null, 0, $text, strlen($text));
}

$client = $c->gearman_client_create(null);
$c->gearman_client_set_timeout($client, 10000);
$c->gearman_client_add_server($client, '127.0.0.1', (int) $port);

$when = time() + 1;
$epoch = $c->gearman_task_attr_init_epoch($when, 1);
$argument = workload($c, (string) $when);
$name = "$prefix-later";
$task = $c->gearman_execute($client, $name, strlen($name), 'epoch', 5, FFI::addr($epoch), FFI::addr($argument), null);
echo json_encode(['epoch', $task === null ? $c->gearman_client_error($client) : $c->gearman_task_return($task)]), "\n";

$map = "$prefix-split";
$reduce = "$prefix-reduce";
$argument = workload($c, 'one two');
$task = $c->gearman_execute_by_partition($client, $map, strlen($map), $reduce, strlen($reduce), null, 0, null, FFI::addr($argument), null);
echo json_encode(['reduce', $task === null ? $c->gearman_client_error($client) : $c->gearman_task_return($task)]), "\n";

$c->gearman_client_free($client);

<?php
// What else a client of the php-gearman extension can do. Prints what came of it, a JSON value a line. In the queues
// of "<prefix>-queue" and "<prefix>-tasks" it leaves jobs of all priorities.
[, $port, $prefix] = $argv;

function say(string $what, ...$more): void {
    echo json_encode([$what, ...$more]), "\n";
}

function client(): GearmanClient {
    global $port;
    $client = new GearmanClient();
    $client->addServer('127.0.0.1', (int) $port);
    $client->setTimeout(5000);
    return $client;
}

$client = client();
say('ping', $client->ping("echo\0this"));
foreach (['doLow', 'doNormal', 'doHigh'] as $do) {
    say($do, $client->$do("$prefix-upper", "hello $do"));
}
foreach (['doLowBackground', 'doBackground', 'doHighBackground'] as $do) {
    $handle = $client->$do("$prefix-queue", $do, "$prefix-$do");
    say($do, $client->jobStatus($handle));
}
say('unique', $client->doBackground("$prefix-queue", 'joins', "$prefix-doBackground") === $client->doBackground("$prefix-queue", 'joins', "$prefix-doBackground"));
say('status by unique', $client->jobStatusByUniqueKey("$prefix-doBackground"));
say('unknown', $client->jobStatus('H:nowhere:1'));

// A client that has asked for a status hangs in runTasks(): whatever the server, so each does one thing.
$client = client();
$client->addTaskLowBackground("$prefix-tasks", 'low');
$client->addTaskBackground("$prefix-tasks", 'normal');
$client->addTaskHighBackground("$prefix-tasks", 'high');
$client->runTasks();
$client = client();
$results = [];
// A task that nobody holds on to is freed.
$kept = [];
$client->setCompleteCallback(function ($task) use (&$results) {
    $results[] = $task->data();
});
$kept[] = $client->addTask("$prefix-upper", 'one');
$kept[] = $client->addTaskHigh("$prefix-upper", 'two');
$kept[] = $client->addTaskLow("$prefix-upper", 'three');
$client->runTasks();
sort($results);
say('tasks', $results);

$exceptional = client();
$exceptional->setExceptionCallback(fn ($task) => say('exception', $task->data()));
$kept[] = $exceptional->addTask("$prefix-throw", 'x');
$exceptional->runTasks();

<?php
// Submits a foreground job through the php-gearman extension, and prints what it is told of it, one JSON value a line.
[, $port, $function, $workload] = $argv;

function say(string $event, ...$more): void {
    echo json_encode([$event, ...$more]), "\n";
}

$client = new GearmanClient();
$client->addServer('127.0.0.1', (int) $port);
$client->setTimeout(10000);
$client->addOptions(GEARMAN_CLIENT_NON_BLOCKING * 0);
$client->setCreatedCallback(fn ($task) => say('created', $task->jobHandle() !== ''));
$client->setStatusCallback(fn ($task) => say('status', $task->taskNumerator(), $task->taskDenominator()));
$client->setDataCallback(fn ($task) => say('data', $task->data()));
$client->setWarningCallback(fn ($task) => say('warning', $task->data()));
$client->setCompleteCallback(fn ($task) => say('complete', $task->data()));
$client->setFailCallback(fn () => say('fail'));
$client->setExceptionCallback(fn ($task) => say('exception', $task->data()));
$client->addTask($function, $workload);
$client->runTasks();

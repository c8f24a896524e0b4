<?php
// A queue's other end in PHP. `put` puts one message for each argument; `get` takes as many as it is told, and prints them.
[, $port, $what, $function] = $argv;
$rest = array_slice($argv, 4);
if ($what === 'put') {
    $client = new GearmanClient();
    $client->addServer('127.0.0.1', (int) $port);
    foreach ($rest as $message) {
        $client->doBackground($function, $message);
    }
    exit($client->returnCode() === GEARMAN_SUCCESS ? 0 : 1);
}
$worker = new GearmanWorker();
$worker->addServer('127.0.0.1', (int) $port);
$worker->setTimeout(10000);
$worker->addFunction($function, function (GearmanJob $job) {
    echo $job->workload(), "\n";
    return true;
});
for ($left = (int) $rest[0]; $left > 0 && $worker->work(); $left--);
exit($left);

<?php
// What PHP's Gearman packages do on the wire, by the php-gearman extension: each as a client and as a worker. A client
// prints what it got as JSON; a worker says when it is there, and runs until it is stopped.
namespace app\tasks {
    class Hello
    {
        public static function say($name, $times = 1) { return str_repeat("Hello $name! ", $times); }
        public static function run(...$names) { return count($names); }
    }
}

namespace {
    [, $port, $what, $prefix] = $argv;

    function client(): GearmanClient
    {
        global $port;
        $client = new GearmanClient();
        $client->addServer('127.0.0.1', (int) $port);
        $client->setTimeout(20000);
        return $client;
    }

    function worker(array $functions): void
    {
        global $port;
        $worker = new GearmanWorker();
        $worker->addServer('127.0.0.1', (int) $port);
        foreach ($functions as $name => $function) $worker->addFunction($name, $function);
        echo $worker->ping('ping') ? "ready\n" : "no echo\n";
        while ($worker->work());
    }

    function say($value): void { echo json_encode($value), "\n"; }

    // symfony's plugin: a scalar is itself, anything else is serialized; who reads tries.
    function sfWrite($data) { return is_scalar($data) ? (string) $data : serialize($data); }
    function sfRead($data) { $read = @unserialize($data); return $read !== false || $data === 'b:0;' ? $read : $data; }

    if ($what === 'sf-client') {
        foreach (['text', 7, true, null, [1, 'two', ['three' => 3.5]], "\xff"] as $value) {
            $result = sfRead(client()->doNormal("$prefix-describe", sfWrite($value)));
            say(is_string($result) && !preg_match('//u', $result) ? ['bytes', bin2hex($result)] : $result);
        }
        client()->doBackground("queue.$prefix", serialize(['a' => 'message']));
    } elseif ($what === 'sf-worker') {
        worker([
            "$prefix-reverse" => fn ($job) => strrev($job->workload()),
            "$prefix-hash" => fn ($job) => sfWrite([md5($job->workload()), 'of' => $job->workload()]),
            "$prefix-keys" => fn ($job) => sfWrite(array_map(fn ($key) => gettype($key) . " $key", array_keys(sfRead($job->workload())))),
            "$prefix-same" => fn ($job) => sfWrite(sfRead($job->workload())),
            "queue.$prefix" => function ($job) {
                say(unserialize($job->workload()));
                return true;
            },
        ]);
    } elseif ($what === 'magento-client') {
        $task = ['id' => 1234, 'payload' => 'This is a string!', 'callback' => 'https://shop.example/done'];
        say(unserialize(client()->doNormal("$prefix-test", serialize($task))));
        // By Net_Gearman instead of the extension.
        say(unserialize(client()->doNormal("$prefix-test", json_encode([$task]))));
    } elseif ($what === 'magento-worker') {
        worker(["$prefix-test" => function ($job) {
            $task = unserialize($job->workload());
            $task['payload'] = strrev($task['payload']);
            return serialize($task);
        }]);
    } elseif ($what === 'li3-client') {
        foreach ([['\\app\\tasks\\Hello::say', ['Ada', 2]], ['\\app\\tasks\\Hello::env', []], ['\\app\\tasks\\Hello::evil', []]] as [$task, $args]) {
            $workload = json_encode([
                'id' => sha1($task), 'args' => $args, 'env' => ['HTTP_HOST' => 'shop.example', 'environment' => 'test'],
                'configName' => 'default', 'task' => $task, 'background' => false, 'retry' => 0, 'retries' => [],
            ]);
            $client = client();
            $result = @$client->doNormal('li3_gearman\\extensions\\command\\Gearmand::run', $workload);
            say($client->returnCode() === GEARMAN_SUCCESS ? $result : 'failed');
        }
    } elseif ($what === 'li3-worker') {
        worker(['li3_gearman\\extensions\\command\\Gearmand::run' => function ($job) {
            $params = json_decode($job->workload(), true);
            if (!is_array($params) || !is_callable($params['task'])) return 'not callable';
            return $params['configName'] . ' ' . $params['env']['environment'] . ': ' . call_user_func_array($params['task'], $params['args']);
        }]);
    } elseif ($what === 'net-client') {
        foreach ([['a' => 1], [], 'text', 7, null] as $argument) {
            $result = client()->doNormal("$prefix-sum", is_scalar($argument) ? (string) $argument : json_encode($argument));
            say(json_decode($result, true));
        }
    } elseif ($what === 'net-worker') {
        worker(["$prefix-sum" => function ($job) {
            $argument = [];
            if (strlen($job->workload())) {
                $argument = json_decode($job->workload(), true);
                if ($argument === null) $argument = $job->workload();
            }
            $result = is_array($argument) ? array_sum($argument) : gettype($argument) . " $argument";
            return json_encode(is_array($result) ? $result : ['result' => $result]);
        }]);
    }
}

<?php
// PHP's own view of serialized values. Reads lines of base64, and prints a JSON line for each: whether PHP takes the value,
// what it writes of it again (base64), and what it is, in a form that tells types apart.
class Plain { public $a = 1; protected $b = 2; private $c = 3; }
class Known { public $x; }
enum Suit: string { case Hearts = 'h'; case Spades = 's'; }

// What holds itself has no end.
$left = 0;

function tell($value) {
    global $left;
    if ($left-- <= 0) return ['much'];
    if (is_array($value)) {
        $entries = [];
        foreach ($value as $key => $each) {
            $entries[] = [is_int($key) ? ['int', (string) $key] : ['string', base64_encode($key)], tell($each)];
        }
        return ['array', $entries];
    }
    if ($value instanceof UnitEnum) return ['enum', get_class($value), $value->name];
    if (is_object($value)) {
        $entries = [];
        foreach ((array) $value as $key => $each) {
            $entries[] = [base64_encode($key), tell($each)];
        }
        return ['object', get_class($value), $entries];
    }
    if (is_string($value)) return ['string', base64_encode($value)];
    if (is_int($value)) return ['int', (string) $value];
    if (is_float($value)) return ['float', is_nan($value) ? 'NAN' : bin2hex(pack('E', $value))];
    return [gettype($value), $value];
}

while (($line = fgets(STDIN)) !== false) {
    $data = base64_decode(trim($line));
    $value = @unserialize($data);
    $left = 5000;
    $taken = $value !== false || $data === 'b:0;';
    echo json_encode(['taken' => $taken, 'again' => $taken ? base64_encode(serialize($value)) : '', 'value' => $taken ? tell($value) : null], JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR, 5000), "\n";
}

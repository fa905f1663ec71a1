"""Evaluates alarms as CloudWatch does, in place of MiniStack 1.5.33's own evaluation.

That one evaluates an alarm only when a metric is put, mixes the metrics of all dimensions, and supports neither missing
data, nor M out of N datapoints, nor metric math, nor a composite alarm's suppressor. All of these decide whether an
alarm of this product fires.
"""

import ast
import logging
import re
import threading
import time

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners
from speed import SPEED
from upstream import replace

# Seconds between two looks at all alarms: missing data is noticed by nothing but time.
INTERVAL = 5 / SPEED

log = logging.getLogger("cloudwatch-alarms")
# Accounts and regions with alarms: the stores are keyed by them, and a background thread has to name them.
scopes = set()
# Composite alarm -> its message that waits for the suppressor: (alarm, old state, new state, reason, due).
waiting = {}
# Composite alarm -> when its suppressor was last seen in alarm.
suppressed_at = {}
lock = threading.RLock()


def series_of(metric, period, start):
    """The values of one metric, by the start of their period."""
    wanted = cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or []))
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], wanted)) or []
    buckets = {}
    for point in points:
        if point["Timestamp"] >= start:
            buckets.setdefault(int(point["Timestamp"] // period) * period, []).append(point)
    values = {
        at: cloudwatch._stat_value(cloudwatch._calc_stats(bucket), metric["Stat"], bucket)
        for at, bucket in buckets.items()
    }
    return {at: value for at, value in values.items() if value is not None}


class Expression:
    """An expression of metric math over series `{period start: value}`, as far as the templates use it."""

    OPERATORS = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b if b else None,
        ast.Gt: lambda a, b: float(a > b),
        ast.GtE: lambda a, b: float(a >= b),
        ast.Lt: lambda a, b: float(a < b),
        ast.LtE: lambda a, b: float(a <= b),
        ast.Eq: lambda a, b: float(a == b),
        ast.And: lambda a, b: float(bool(a) and bool(b)),
        ast.Or: lambda a, b: float(bool(a) or bool(b)),
    }

    def __init__(self, text, series, period, times):
        self.series, self.period, self.times = series, period, times
        words = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", text))
        self.tree = ast.parse(words.strip(), mode="eval").body

    def value(self):
        return self.visit(self.tree)

    def visit(self, node):
        if isinstance(node, ast.Constant):
            return float(node.value)
        if isinstance(node, ast.Name):
            return node.id if node.id == "REPEAT" else self.series[node.id]
        if isinstance(node, ast.List):
            return [self.visit(each) for each in node.elts]
        if isinstance(node, ast.BinOp):
            return self.combine(node.op, self.visit(node.left), self.visit(node.right))
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self.combine(node.ops[0], self.visit(node.left), self.visit(node.comparators[0]))
        if isinstance(node, ast.BoolOp):
            result, *others = [self.visit(value) for value in node.values]
            for other in others:
                result = self.combine(node.op, result, other)
            return result
        if isinstance(node, ast.Call):
            return getattr(self, f"call_{node.func.id.lower()}")(*[self.visit(arg) for arg in node.args])
        raise ValueError(f"metric math {ast.dump(node)} is not supported here")

    def combine(self, operator, left, right):
        return self.each(self.OPERATORS[type(operator)], left, right)

    @staticmethod
    def each(function, *operands):
        """Applies a function time by time; a time at which an operand has no value has no result."""
        if not any(isinstance(operand, dict) for operand in operands):
            return function(*operands)
        times = set.intersection(*[set(operand) for operand in operands if isinstance(operand, dict)])
        at_time = lambda operand, at: operand[at] if isinstance(operand, dict) else operand
        results = {at: function(*[at_time(operand, at) for operand in operands]) for at in times}
        return {at: value for at, value in results.items() if value is not None}

    def call_if(self, condition, yes, no=None):
        """A branch that is not taken may lack a value, or be left out."""
        results = {}
        for at in condition:
            branch = yes if condition[at] else no
            value = branch.get(at) if isinstance(branch, dict) else branch
            if value is not None:
                results[at] = value
        return results

    def call_fill(self, series, filler):
        """`REPEAT` fills with the last value before, and nothing before the first one."""
        filled, last = {}, None
        for at in sorted(self.times):
            last = series.get(at, last if filler == "REPEAT" else filler)
            if last is not None:
                filled[at] = last
        return filled

    def call_max(self, list_of_series):
        """The largest value at each time, of those series that have one."""
        times = set().union(*list_of_series)
        return {at: max(series[at] for series in list_of_series if at in series) for at in times}

    def call_diff(self, series):
        times = sorted(series)
        return {at: series[at] - series[before] for before, at in zip(times, times[1:])}

    def call_period(self, _series):
        return float(self.period)


def datapoints(alarm, now):
    """The alarm's series, its period, and the starts of the periods that it looks at, oldest first."""
    queries = alarm.get("Metrics")
    period = max(1, round(int(alarm["Period"]) / SPEED))
    count = int(alarm["EvaluationPeriods"])
    current = int(now // period) * period
    # One more period than it looks at, for DIFF, and one because the current one may be empty so far.
    times = [current - period * back for back in range(count + 1, -1, -1)]
    start = times[0]
    if not queries:
        statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        series = series_of({**alarm, "Stat": statistic}, period, start)
    else:
        stats = {query["Id"]: query["MetricStat"] for query in queries if query.get("MetricStat")}
        inputs = {
            name: series_of({**stat["Metric"], "Stat": stat["Stat"]}, period, start)
            for name, stat in stats.items()
        }
        [expression] = [query["Expression"] for query in queries if query.get("Expression")]
        # A period that has no input yet is not filled: its datum is still to come.
        begun = [at for at in times if at != current or any(current in values for values in inputs.values())]
        series = Expression(expression, inputs, period, begun).value()
    looked_at = times[-count:] if current in series else times[-count - 1 : -1]
    return series, looked_at


COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def judge(alarm, now):
    """The alarm's state by its data, and why; `None` keeps the state that it has."""
    series, times = datapoints(alarm, now)
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    needed = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    found = [series[at] for at in times if at in series]
    breaching = sum(breaches(value, threshold) for value in found)
    missing = len(times) - len(found)
    treatment = alarm.get("TreatMissingData") or "missing"
    values = ", ".join(f"{value:g}" for value in found) or "none"
    reason = (
        f"Threshold Crossed: {breaching} of the last {len(times)} datapoints [{values}] breached the threshold "
        f"({threshold:g}, {alarm['ComparisonOperator']}); {missing} missing, treated as {treatment}."
    )
    if treatment == "breaching":
        breaching += missing
    if breaching >= needed:
        return "ALARM", reason
    if treatment in ("breaching", "notBreaching"):
        return "OK", reason
    if not found:
        return ("INSUFFICIENT_DATA", reason) if treatment == "missing" else None
    # With the missing ones it could be either.
    return None if breaching + missing >= needed else ("OK", reason)


def evaluate(alarm):
    with lock:
        scopes.add((get_account_id(), get_region()))
        verdict = judge(alarm, time.time())
        if verdict is None or verdict[0] == alarm["StateValue"]:
            return
        old_state, (new_state, reason) = alarm["StateValue"], verdict
        alarm.update(StateValue=new_state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old_state, new_state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old_state, new_state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)


def is_suppressing(alarm, now):
    """Whether the suppressor is in alarm, or was until less than the extension period ago."""
    if cloudwatch._rule_alarm_state(alarm["ActionsSuppressor"]) == "ALARM":
        suppressed_at[alarm["AlarmArn"]] = now
    last = suppressed_at.get(alarm["AlarmArn"])
    return last is not None and now - last <= int(alarm["ActionsSuppressorExtensionPeriod"]) / SPEED


def notify(alarm, old_state, new_state, reason):
    """A message is held for the wait period: a suppressor that goes into alarm meanwhile drops it."""
    if not alarm.get("ActionsSuppressor"):
        return send(alarm, old_state, new_state, reason)
    now = time.time()
    waiting.pop(alarm["AlarmArn"], None)
    if not is_suppressing(alarm, now):
        due = now + int(alarm["ActionsSuppressorWaitPeriod"]) / SPEED
        waiting[alarm["AlarmArn"]] = (alarm, old_state, new_state, reason, due)


def look_at_waiting(now):
    for alarm in list(cloudwatch._composite_alarms.values()):
        if alarm.get("ActionsSuppressor"):
            suppressed = is_suppressing(alarm, now)
            held = waiting.get(alarm["AlarmArn"])
            if held and (suppressed or now >= held[-1]):
                del waiting[alarm["AlarmArn"]]
                if not suppressed:
                    send(*held[:-1])


def put_composite(params, data, *rest, **options):
    with lock:
        answer = store_composite(params, data, *rest, **options)
        alarm = cloudwatch._composite_alarms.get((data or {}).get("AlarmName"))
        if alarm:
            fields = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
            alarm.update({field: data[field] for field in fields if field in data})
        return answer


def record_of_template(name, props):
    """The emulator refuses a template's `Metrics`: it is shown the first of them, and the record then gets all."""
    queries = props.get("Metrics")
    if not queries:
        return make_record(name, props)
    stat = next(query["MetricStat"] for query in queries if query.get("MetricStat"))
    single = {key: value for key, value in props.items() if key != "Metrics"}
    record = make_record(name, {**single, **stat["Metric"], "Statistic": stat["Stat"], "Period": stat["Period"]})
    return {**record, "Metrics": queries}


def look_at_all():
    with lock:
        for account, region in list(scopes):
            with request_scope(account, region):
                for alarm in list(cloudwatch._alarms.values()):
                    evaluate(alarm)
                look_at_waiting(time.time())


def watch():
    while True:
        time.sleep(INTERVAL)
        try:
            look_at_all()
        except Exception:
            log.exception("alarms could not be evaluated")


replace(cloudwatch, "_evaluate_alarm", evaluate)
send = replace(cloudwatch, "_dispatch_alarm_actions", notify)
store_composite = replace(cloudwatch, "_put_composite_alarm", put_composite)
make_record = replace(provisioners, "_cw_metric_alarm_record", record_of_template)


def start():
    """Starts to look at all alarms again and again."""
    threading.Thread(target=watch, daemon=True).start()

"""Lambda functions that let a deployment on ECS go on only if Sidecarta says so.

`ecs` is a hook of ECS's own deployments (linear, canary, blue/green), for the stage PRODUCTION_TRAFFIC_SHIFT or the one
after it: ECS asks again as long as the answer is IN_PROGRESS. `codedeploy` is a hook of CodeDeploy, for AfterAllowTraffic:
it waits for a verdict as long as the function may run.

What is compared is in the hook's details, or in the environment: SERVICE, BASELINE, CANDIDATE. SIDECARTA_URL is where
Sidecarta answers; WAIT_SECONDS is how long a verdict may take (1800); UNDECIDED is what becomes of a deployment of which
nothing is known then: FAILED (as it is without it) or SUCCEEDED. POLICY is a policy as JSON.

Only Python's standard library is needed, and boto3, which every Lambda has, for CodeDeploy.
"""

import json
import os
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

ASK_AGAIN_S = 30


def verdict(details, since, final):
    """What Sidecarta says by now: pass, fail or insufficient, with its sentence."""
    body = {
        "service": setting(details, "SERVICE"),
        "baseline": setting(details, "BASELINE"),
        "candidate": setting(details, "CANDIDATE"),
        "from": since,
        "final": final,
        "policy": json.loads(setting(details, "POLICY", "{}")),
    }
    request = urllib.request.Request(
        setting(details, "SIDECARTA_URL").rstrip("/") + "/api/v1/canary",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = json.load(answer)["verdict"]
    print(f"{found['result']}: {found['summary']}")
    return found["result"]


def setting(details, name, default=None):
    value = details.get(name.lower(), os.environ.get(name, default))
    if value is None:
        raise KeyError(f"{name} is neither in the hook's details nor in the environment")
    return value


def judge(details, since):
    """SUCCEEDED, FAILED or IN_PROGRESS."""
    begun = datetime.fromisoformat(since.replace("Z", "+00:00"))
    passed_s = (datetime.now(timezone.utc) - begun).total_seconds()
    is_over = passed_s >= float(setting(details, "WAIT_SECONDS", "1800"))
    try:
        result = verdict(details, since, is_over)
    except urllib.error.HTTPError as refused:
        # A question that is refused is refused again.
        if refused.code < 500:
            print(f"refused: {refused.read().decode(errors='replace')}")
            return "FAILED"
        result = "insufficient"
    except OSError as error:
        print(f"Sidecarta does not answer: {error}")
        result = "insufficient"
    if result == "insufficient":
        return setting(details, "UNDECIDED", "FAILED") if is_over else "IN_PROGRESS"
    return "SUCCEEDED" if result == "pass" else "FAILED"


def start():
    """A minute ago: clocks differ, and a range that begins in the future is refused."""
    return (datetime.now(timezone.utc) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ecs(event, _context):
    """A lifecycle hook of a deployment of ECS."""
    details = dict(event.get("hookDetails") or {})
    target = event.get("executionDetails", {}).get("targetServiceRevisionArn")
    # The first call says since when, and of which revision; later ones are given it back.
    since = details.setdefault("since", start())
    if details.setdefault("target", target) != target:
        # A deployment that is taken back runs its hooks again, on the way to another revision.
        return {"hookStatus": "SUCCEEDED"}
    status = judge(details, since)
    answer = {"hookStatus": status}
    if status == "IN_PROGRESS":
        answer |= {"callBackDelay": ASK_AGAIN_S, "hookDetails": details}
    return answer


def codedeploy(event, context):
    """A lifecycle event hook of CodeDeploy."""
    import boto3

    since, status = start(), "IN_PROGRESS"
    while status == "IN_PROGRESS":
        status = judge({}, since)
        left_s = context.get_remaining_time_in_millis() / 1000
        if status == "IN_PROGRESS" and left_s < 2 * ASK_AGAIN_S:
            status = os.environ.get("UNDECIDED", "FAILED")
        elif status == "IN_PROGRESS":
            time.sleep(ASK_AGAIN_S)
    boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if status == "SUCCEEDED" else "Failed",
    )
    return status

"""The fuzzer uses the same Idempotency-Key for different requests, which is 422 as documented: here each request gets
a key of its own, so that every other refusal shows."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    positive = case.meta is None or case.meta.generation.mode.is_positive
    if positive and case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())

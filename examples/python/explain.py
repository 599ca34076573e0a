"""Why a user gets a treatment, in the directory examples/data."""

from splitio import get_factory

factory = get_factory("localhost", config={"splitFile": "environment.json", "segmentDirectory": "segments"})
factory.block_until_ready(5)
client = factory.client()
# doc: explain
account = client.explain("zoe", "loyalty_tier", {"orders": 12})
print(f"{account['treatment']}: {account['label']}")
if account["evaluation"]:  # None where nothing was evaluated; account["status"] says why
    for step in account["evaluation"]["steps"]:
        if step["step"] == "condition":
            print("yes" if step.get("result") else "no", step["label"])
# doc: end
factory.destroy()

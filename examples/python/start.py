import os

from splitio import get_factory

factory = get_factory(os.environ["SPLIT_SDK_KEY"], config={"impressionsMode": "optimized"})
factory.block_until_ready(5)
client = factory.client()
if client.get_treatment("user-42", "new_checkout", {"plan": "pro"}) == "on":
    print("the new checkout")
factory.destroy()

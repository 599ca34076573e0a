from splitio import get_factory
from splitio.exceptions import TimeoutException

factory = get_factory("localhost", config={"splitFile": "flags.yaml"})
try:
    factory.block_until_ready(5)
except TimeoutException:
    print("not ready yet: everything is control until it is")
client = factory.client()
treatment, config = client.get_treatment_with_config("ann", "new_checkout", {"age": 30, "plan": "pro"})
print(treatment, config)
factory.destroy()

"""Flags from Redis, whose server is at the port REDIS_PORT."""

import os

from splitio import get_factory

# doc: redis
config = {"redisHost": "redis.internal", "redisPrefix": "shop"}
# doc: end
config.update(redisHost="127.0.0.1", redisPort=int(os.environ["REDIS_PORT"]))
# doc: redis
factory = get_factory("YOUR_SDK_KEY", config=config)
# doc: end
print(factory.client().get_treatment("ann", "checkout_one_page"))
factory.destroy()

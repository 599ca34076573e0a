"""A service on asyncio, with a listener that is a coroutine.

python aiohttp_service.py 8080
"""

import sys

from aiohttp import web
from settings import CONFIG, SDK_KEY

from splitio import get_factory_async
from splitio.impressions import ImpressionListener


class Printer(ImpressionListener):
    async def log_impression(self, data):
        impression = data["impression"]
        print(impression.matching_key, impression.feature_name, impression.treatment, flush=True)


async def split(app):
    """The factory lives as long as the application."""
    factory = await get_factory_async(SDK_KEY, config={**CONFIG, "impressionListener": Printer()})
    await factory.block_until_ready(5)
    app[CLIENT] = factory.client()
    yield
    await factory.destroy()


async def checkout(request):
    user = request.match_info["user"]
    return web.json_response({"user": user, "treatment": await request.app[CLIENT].get_treatment(user, "new_checkout")})


CLIENT = web.AppKey("split", object)
app = web.Application()
app.cleanup_ctx.append(split)
app.add_routes([web.get("/checkout/{user}", checkout)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)

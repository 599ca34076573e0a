"""A configuration of gunicorn whose hook resumes the factory of wsgi_app in each worker."""


def post_fork(server, worker):
    from wsgi_app import SPLIT

    SPLIT.resume()
    SPLIT.block_until_ready(5)

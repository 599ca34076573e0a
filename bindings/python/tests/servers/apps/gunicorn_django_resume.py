"""A configuration of gunicorn whose hook resumes the factory of django_splitio in each worker."""


def post_fork(server, worker):
    from django_splitio import get_factory

    get_factory().resume()
    get_factory().block_until_ready(5)

"""An FTP server: PORT FIRST_PASSIVE_PORT LAST_PASSIVE_PORT DIRECTORY [FILE WITH CERTIFICATE AND KEY]"""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

port, first, last, directory, *certificate = sys.argv[1:]
if certificate:
    from pyftpdlib.handlers import TLS_FTPHandler

    class Handler(TLS_FTPHandler):
        certfile = certificate[0]
else:

    class Handler(FTPHandler):
        pass


class Server(FTPServer):
    # The default of 512 is less than what is measured.
    max_cons = 20000


Handler.passive_ports = range(int(first), int(last) + 1)
Handler.authorizer = DummyAuthorizer()
Handler.authorizer.add_user("bench", "bench", directory, perm="elradfmwMT")
Server(("127.0.0.1", int(port)), Handler).serve_forever()

"""Web applications of Python frameworks that serve a WebSocket at /chat: web_app.py FRAMEWORK PORT ADDRESS.

A WSGI server that imports this finds the one of flask-sock as `application`.
"""

import sys


def with_fastapi(port, address):
    import fastapi
    import uvicorn

    application = fastapi.FastAPI()

    @application.websocket("/chat")
    async def chat(socket: fastapi.WebSocket):
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    uvicorn.run(application, host=address, port=port, log_level="warning")


def flask_application():
    import flask
    import flask_sock

    application = flask.Flask("chat")

    @flask_sock.Sock(application).route("/chat")
    def chat(socket):
        while True:
            socket.send(socket.receive())

    return application


def with_flask_sock(port, address):
    flask_application().run(host=address, port=port)


def with_flask_socketio(port, address):
    import flask
    import flask_socketio

    application = flask.Flask("chat")
    sockets = flask_socketio.SocketIO(application, async_mode="threading", cors_allowed_origins=["https://shop.example"])
    sockets.run(application, host=address, port=port, allow_unsafe_werkzeug=True)


if __name__ == "__main__":
    framework, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    globals()[f"with_{framework}"](port, address)
else:
    application = flask_application()

"""Starts the real proxies of `proxies/` for one sample; client at 127.0.0.1, proxy at 127.0.0.2, server at 127.0.0.3."""

import os
import re

import lab

CONF = lab.MAKE / "proxies"
LEGS = {"client": "tcp port 8080", "server": "tcp port 9000"}


def nginx(run, name, port=8080, namespace=None):
    return run.spawn("/usr/sbin/nginx", "-p", run.work, "-c", CONF / f"{name}.conf", port=port, namespace=namespace)


def haproxy(run, name, port=8080, namespace=None):
    return run.spawn("/usr/sbin/haproxy", "-db", "-f", CONF / f"{name}.cfg", port=port, namespace=namespace)


def apache(run, name, port=8080):
    environment = {"WORK": str(run.work), "CONF": str(CONF)}
    return run.spawn("/usr/sbin/apache2", "-D", "FOREGROUND", "-f", CONF / f"{name}.conf", port=port, environment=environment)


def squid(run, name, port=3128, namespace=None):
    """Squid knows no variables in its configuration: ${CONF} and ${WORK} are filled in here."""
    filled = run.work / "squid.conf"
    text = (CONF / f"{name}.conf").read_text()
    base = (CONF / "squid-base.conf").read_text()
    text = re.sub(r"include \$\{CONF\}/squid-base.conf", lambda _: base, text)
    filled.write_text(text.replace("${WORK}", str(run.work)))
    os.makedirs("/run/squid", exist_ok=True)
    return run.spawn("/usr/sbin/squid", "-N", "-f", filled, "-n", "lab", port=port, namespace=namespace)


def lighttpd(run, name, port=8080):
    return run.spawn("/usr/sbin/lighttpd", "-D", "-f", CONF / f"{name}.conf", port=port, environment={"WORK": str(run.work)})


def varnish(run, name, *options, port=8080, address="127.0.0.2"):
    return run.spawn("/usr/sbin/varnishd", "-F", "-a", f"{address}:{port}", "-f", CONF / f"{name}.vcl", "-n", run.work / "varnish",
                     "-s", "malloc,1m", *options, port=port)

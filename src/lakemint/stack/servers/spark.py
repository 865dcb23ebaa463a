"""Spark Connect: one warm JVM that all sessions share, with Delta Lake and S3A."""

import re
import sys
import uuid
from pathlib import Path

from lakemint.config import load_config
from lakemint.errors import StackError
from lakemint.files import write_private
from lakemint.stack.jars import fetch_jars
from lakemint.stack.java import find_java
from lakemint.stack.layout import Stack, spark_home
from lakemint.stack.program import NotReady, Program
from lakemint.stack.report import Report

_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_DAEMON = "lakemint.spark_daemon"
_DELTA_DEFAULTS = "spark.databricks.delta.properties.defaults"
_JAVA_OPTIONS = "-XX:+UseSerialGC -XX:MaxMetaspaceSize=512m -XX:ReservedCodeCacheSize=384m -Xss2m"
_VERSION_CALL = "/spark.connect.SparkConnectService/AnalyzePlan"
_RELEASE_CALL = "/spark.connect.SparkConnectService/ReleaseSession"


class Spark:
    """The engine."""

    name = "spark"
    title = "Spark Connect"
    parts: tuple[str, ...] = ("spark",)
    ports: tuple[str, ...] = ("spark",)

    def address(self, stack: Stack) -> str:
        return stack.settings["spark_remote"]

    def prepare(self, stack: Stack, report: Report) -> None:
        stack.data(self.name).mkdir(mode=0o700, exist_ok=True)
        fetch_jars(stack, report)
        named = load_config().spark_conf
        properties = _properties(stack) | (read_properties(Path(named)) if named else {})
        lines = "".join(f"{name} {value}\n" for name, value in properties.items())
        write_private(stack.run / "spark.conf", lines)

    def programs(self, stack: Stack) -> list[Program]:
        home, local = spark_home(), stack.data(self.name) / "local"
        environment = {
            "JAVA_HOME": str(find_java(stack).home),
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(local),
            "SPARK_NO_DAEMONIZE": "1",
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(stack.checkout / "src"),
            "LAKEMINT_HOME": str(stack.home),
            "MALLOC_ARENA_MAX": "2",
        }
        submit = (str(home / "bin" / "spark-submit"), "--properties-file", str(stack.run / "spark.conf"))
        command = (*submit, "--class", _SERVER, "spark-internal")
        return [
            Program(self.name, command, stack.data(self.name), environment, stop_seconds=15, scratch=local)
        ]

    def complete(self, stack: Stack) -> None:
        """Nothing: it holds nothing."""

    def check(self, stack: Stack, since: float) -> None:
        """It opens a session for our token and tells its version, which takes no job."""
        import grpc

        session = str(uuid.uuid4()).encode()
        # Protobuf by hand, since loading Spark's client takes longer than the question: 1 session_id,
        # 2 user_context {1 user_id}; 10 spark_version {}.
        who = b"\x0a\x24" + session + b"\x12\x0a\x0a\x08lakemint"
        credentials = grpc.composite_channel_credentials(
            grpc.local_channel_credentials(), grpc.access_token_call_credentials(stack.secrets["spark_token"])
        )
        with grpc.secure_channel(f"localhost:{stack.ports['spark']}", credentials) as channel:
            try:
                channel.unary_unary(_VERSION_CALL)(who + b"\x52\x00", timeout=10)
                channel.unary_unary(_RELEASE_CALL)(who, timeout=10)
            except grpc.RpcError as error:
                raise NotReady(f"{error.code().name}: {error.details()}") from error


def read_properties(path: Path) -> dict[str, str]:
    """A file of Spark properties, as `spark-defaults.conf` has them: a name and a value to a line.

    Raises StackError when it cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(
            f"{path}: cannot be read as Spark's settings ({error}); mend LAKEMINT_SPARK_CONF"
        ) from None
    properties: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, *value = re.split(r"\s*[=\s]\s*", line.strip(), maxsplit=1)
        if not name.startswith("spark.") or not value:
            raise StackError(f"{path}, line {number}: not a setting such as `spark.driver.memory 8g`: {line}")
        properties[name] = value[0]
    return properties


def _properties(stack: Stack) -> dict[str, object]:
    """The server's settings; the file that holds them is private, for the keys in it."""
    return {
        # Two cores; a task may fail and be tried again, see spark_daemon.
        "spark.master": "local[2, 4]",
        "spark.python.daemon.module": _DAEMON,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1536m",
        "spark.driver.extraClassPath": f"{stack.jars}/*",
        "spark.driver.extraJavaOptions": _JAVA_OPTIONS,
        "spark.ui.enabled": "false",
        # At INFO, Delta writes the least and greatest values of every table's columns into the log.
        "spark.log.level": "WARN",
        # Its inner ports are for itself alone.
        "spark.authenticate": "true",
        "spark.authenticate.secret": stack.secrets["spark_token"],
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": stack.ports["spark"],
        "spark.connect.authenticate.token": stack.secrets["spark_token"],
        # A killed job's session holds memory and workers; a notebook left open may.
        "spark.connect.session.manager.defaultSessionTimeout": "30m",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": stack.data("spark") / "warehouse",
        "spark.databricks.delta.snapshotPartitions": 2,
        # A published version names the table versions it was made from: they stay.
        f"{_DELTA_DEFAULTS}.logRetentionDuration": "interval 3650 days",
        f"{_DELTA_DEFAULTS}.deletedFileRetentionDuration": "interval 3650 days",
        "spark.sql.shuffle.partitions": 2,
        "spark.default.parallelism": 2,
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.connect.serverStacktrace.enabled": "false",
        "spark.sql.pyspark.jvmStacktrace.enabled": "false",
        "spark.hadoop.fs.s3a.endpoint": stack.settings["s3_endpoint"],
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.access.key": stack.secrets["s3_access_key"],
        "spark.hadoop.fs.s3a.secret.key": stack.secrets["s3_secret_key"],
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
    }

"""The names of the ONS Data Platform: every resource that the sandbox builds is named here and nowhere else.

They are the names of the operations runbook. The library has them too, as defaults of its settings, written
there independently: the two packages meet only through endpoints.
"""

from dataclasses import dataclass, field

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Function:
    """One Lambda function as it is deployed."""

    name: str
    description: str
    timeout: int
    """Seconds."""
    memory: int
    """MB."""

    @property
    def log_group(self) -> str:
        """The log group that Lambda writes to."""
        return f"/aws/lambda/{self.name}"

    @property
    def arn(self) -> str:
        """ARN without qualifier."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"

    @property
    def live_arn(self) -> str:
        """ARN of the alias that everything calls."""
        return f"{self.arn}:{ALIAS}"

    @property
    def role(self) -> str:
        """Name of the execution role."""
        return f"{self.name}-role"

    @property
    def errors_alarm(self) -> str:
        """Name of the alarm on the function's errors."""
        return f"{PROJECT}-{self.name}-errors"


@dataclass(frozen=True)
class Dataset:
    """One kind of file, from the raw CSV to the measurement in InfluxDB."""

    name: str
    measurement: str
    tags: tuple[str, ...]
    value: str
    header: tuple[str, ...] = field(repr=False)


PROJECT = "ons-data-platform"
ALIAS = "LIVE"

ROUTER = Function("lambda_router", "Routes raw ONS files to the processor of their dataset", 30, 256)
PROCESSOR = Function(
    "structured_data_processor", "Validates raw ONS CSV files and writes them as Parquet", 60, 512
)
RAG = Function("rag_query_processor", "Answers the API: health and questions on the energy data", 29, 512)
LOADER = Function("timestream_loader", "Loads processed Parquet files into InfluxDB", 60, 512)
FUNCTIONS = (ROUTER, PROCESSOR, RAG, LOADER)

RAW_BUCKET = f"{PROJECT}-raw-prod"
PROCESSED_BUCKET = f"{PROJECT}-processed-prod"

PROCESSING_RULE = f"{PROJECT}-s3-processing-rule"
LOADER_RULE = f"{PROJECT}-loader-rule"
STATE_MACHINE = f"{PROJECT}-processing"
STATE_MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STATE_MACHINE}"
STATE_MACHINE_ROLE = f"{PROJECT}-processing-role"
EVENTS_ROLE = f"{PROJECT}-events-role"
CODEDEPLOY_ROLE = f"{PROJECT}-codedeploy-role"

API = f"{PROJECT}-api"
STAGE = "prod"
USAGE_PLAN = f"{PROJECT}-usage-plan"
API_KEY = f"{PROJECT}-api-key"

TOPIC = f"{PROJECT}-deployments"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:{TOPIC}"
NOTICES_QUEUE = f"{PROJECT}-deployment-notices"

FLAG_APPLICATION = PROJECT
FLAG_ENVIRONMENT = "production"
FLAG_PROFILE = "feature-flags"
FLAG_STRATEGY = f"{PROJECT}-all-at-once"
FLAGS = {
    "enable_new_api_endpoint": "Answers of POST /query carry the last 24 hours as a series",
    "enable_enhanced_processing": "Files are checked against believable ranges before they are written",
    "enable_maintenance_mode": "POST /query answers 503 while the platform is maintained",
}

API_5XX_ALARM = f"{PROJECT}-api-5xx"
API_LATENCY_ALARM = f"{PROJECT}-api-latency"
EXECUTIONS_ALARM = f"{PROJECT}-executions-failed"
INFLUX_CPU_ALARM = f"{PROJECT}-influxdb-cpu"

INFLUX_INSTANCE = "ons-influxdb-prod"
INFLUX_ORG = "ons"
INFLUX_BUCKET = "energy_data"
INFLUX_RETENTION_SECONDS = 7 * 365 * 24 * 3600
INFLUX_SECRET = f"{PROJECT}/influxdb"

REGIONS = ("Sudeste/Centro-Oeste", "Sul", "Nordeste", "Norte")
SOURCES = ("hydro", "wind", "solar", "thermal", "nuclear")

GENERATION = Dataset(
    "generation",
    "generation_data",
    ("region", "energy_source"),
    "generation_mw",
    ("din_instante", "nom_subsistema", "nom_tipousina", "val_geracao"),
)
CONSUMPTION = Dataset(
    "consumption",
    "consumption_data",
    ("region",),
    "load_mw",
    ("din_instante", "nom_subsistema", "val_cargaenergiamwmed"),
)
TRANSMISSION = Dataset(
    "transmission",
    "transmission_data",
    ("from_region", "to_region"),
    "flow_mw",
    ("din_instante", "nom_subsistema_origem", "nom_subsistema_destino", "val_intercambiomwmed"),
)
DATASETS = {dataset.name: dataset for dataset in (GENERATION, CONSUMPTION, TRANSMISSION)}

# As ONS writes them in its files.
ONS_REGIONS = {
    "Sudeste/Centro-Oeste": "SUDESTE/CENTRO-OESTE",
    "Sul": "SUL",
    "Nordeste": "NORDESTE",
    "Norte": "NORTE",
}
ONS_SOURCES = {
    "hydro": "HIDROELÉTRICA",
    "wind": "EOLIELÉTRICA",
    "solar": "FOTOVOLTAICA",
    "thermal": "TÉRMICA",
    "nuclear": "NUCLEAR",
}

{{/* Airflow's configuration as environment variables; what is not here is at Airflow's own default. */}}
{{- define "mempipe.airflow.config" -}}
# Airflow's own with a fix for tasks that defer.
AIRFLOW__CORE__EXECUTOR: mempipe.orchestration.local_executor.LocalExecutor
AIRFLOW__CORE__PARALLELISM: {{ int .Values.airflow.parallelism | quote }}
AIRFLOW__CORE__AUTH_MANAGER: airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager
# The default DAG bundle reads this folder.
AIRFLOW__CORE__DAGS_FOLDER: /opt/mempipe/dags
AIRFLOW__CORE__LOAD_EXAMPLES: "False"
# A DAG without a schedule does nothing by itself, so it may be ready to trigger.
AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: "False"
AIRFLOW__CORE__EXECUTION_API_SERVER_URL: {{ include "mempipe.apiServerUrl" . }}/execution/
# The API server fetches logs from pods, whose names no DNS knows.
AIRFLOW__CORE__HOSTNAME_CALLABLE: airflow.utils.net.get_host_ip_address
AIRFLOW__API__BASE_URL: {{ include "mempipe.baseUrl" . | quote }}
{{- if hasPrefix "https://" (include "mempipe.baseUrl" .) }}
AIRFLOW__FAB__COOKIE_SECURE: "True"
{{- end }}
AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK: "True"
# To the pod's log, instead of files that would fill its volume.
AIRFLOW__LOGGING__DAG_PROCESSOR_LOG_TARGET: stdout
{{- with .Values.airflow.logs }}
{{- if .remoteFolder }}
AIRFLOW__LOGGING__REMOTE_LOGGING: "True"
AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER: {{ .remoteFolder | quote }}
AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID: {{ .connection | quote }}
AIRFLOW__LOGGING__DELETE_LOCAL_LOGS: "True"
{{- end }}
{{- end }}
{{- end }}

{{/* Begins the name of every object of the release namespace. */}}
{{- define "mempipe.fullname" -}}
{{- $made := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- .Values.fullnameOverride | default $made | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "mempipe.trainingNamespace" -}}
{{- .Values.training.namespace | default (printf "%s-training" .Release.Namespace) -}}
{{- end }}

{{/* What selects the release's own pods; with (dict "root" $ "component" "…") one component's. */}}
{{- define "mempipe.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "mempipe.labels" -}}
{{ include "mempipe.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "mempipe.apiServerUrl" -}}
http://{{ include "mempipe.fullname" . }}-api-server:8080
{{- end }}

{{/* Where browsers open Airflow. */}}
{{- define "mempipe.baseUrl" -}}
{{- $ingress := .Values.airflow.ingress -}}
{{- if .Values.airflow.baseUrl -}}
{{ .Values.airflow.baseUrl }}
{{- else if $ingress.enabled -}}
{{ ternary "https" "http" (not (empty $ingress.tlsSecret)) }}://{{ $ingress.host }}
{{- else -}}
http://localhost:8080
{{- end }}
{{- end }}

{{/* Secrets: those that the values name, else those that the chart makes. */}}
{{- define "mempipe.airflowSecret" -}}
{{- .Values.airflow.secrets.name | default (printf "%s-airflow" (include "mempipe.fullname" .)) -}}
{{- end }}

{{- define "mempipe.adminSecret" -}}
{{- .Values.airflow.admin.passwordSecret.name | default (printf "%s-admin" (include "mempipe.fullname" .)) -}}
{{- end }}

{{- define "mempipe.postgresqlSecret" -}}
{{- .Values.postgresql.passwordSecret.name | default (printf "%s-postgresql" (include "mempipe.fullname" .)) -}}
{{- end }}

{{/* The claim of the data cache; empty: there is none. */}}
{{- define "mempipe.cacheClaim" -}}
{{- with .Values.training.dataCache -}}
{{- if .enabled -}}
{{ .claimName | default (printf "%s-data-cache" (include "mempipe.fullname" $)) }}
{{- end -}}
{{- end -}}
{{- end }}

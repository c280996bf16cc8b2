{{/*
What the pods of Airflow share. Its parts take a dict: "root" ($), "component", and where said
  "signs": the container makes or checks tokens, so it gets the keys for that;
  "pods": it makes training pods, so it gets the account that may, with its token.
*/}}

{{/* The pod but its containers; volumes come last, so that a pod can add to them. */}}
{{- define "mempipe.airflow.pod" -}}
{{- $values := .root.Values.airflow -}}
serviceAccountName: {{ ternary $values.serviceAccount.name $values.webServiceAccount.name (.pods | default false) }}
automountServiceAccountToken: {{ .pods | default false }}
# The cluster's services come by DNS; variables with their addresses could collide with AIRFLOW_… and MEMPIPE_….
enableServiceLinks: false
securityContext:
  {{- include "mempipe.podSecurity" 10001 | nindent 2 }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: home
    emptyDir:
      sizeLimit: {{ $values.homeSize }}
  - name: tmp
    emptyDir: {}
{{- end }}

{{/* Replicas of a component go to different nodes, where there are some. */}}
{{- define "mempipe.airflow.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "mempipe.selector" . | nindent 8 }}
{{- end }}

{{/* What the containers share; env comes last, so that a container can add to it. */}}
{{- define "mempipe.airflow.container" -}}
image: {{ include "mempipe.image" (dict "root" .root "image" .root.Values.images.airflow) | quote }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
command: [airflow]
securityContext:
  {{- include "mempipe.containerSecurity" . | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ include "mempipe.fullname" .root }}-airflow
  - configMapRef:
      name: {{ include "mempipe.fullname" .root }}-settings
env:
  {{- include "mempipe.airflow.env" . | trim | nindent 2 }}
{{- end }}

{{/* Where Airflow may write: its home, for its generated configuration and local logs, and /tmp. */}}
{{- define "mempipe.airflow.mounts" -}}
- name: home
  mountPath: /opt/airflow
- name: tmp
  mountPath: /tmp
{{- end }}

{{/* The secret part of the environment, and what the values add. */}}
{{- define "mempipe.airflow.env" -}}
{{- $values := .root.Values -}}
{{- $secret := include "mempipe.airflowSecret" .root -}}
{{- if $values.postgresql.enabled }}
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "mempipe.postgresqlSecret" .root }}
      key: {{ $values.postgresql.passwordSecret.key }}
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
  value: postgresql+psycopg2://airflow:$(POSTGRES_PASSWORD)@{{ include "mempipe.fullname" .root }}-postgresql:5432/airflow
{{- else }}
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
  valueFrom:
    secretKeyRef:
      name: {{ $values.airflow.database.secretName }}
      key: {{ $values.airflow.database.key }}
{{- end }}
- name: AIRFLOW__CORE__FERNET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: fernet-key
{{- if .signs }}
- name: AIRFLOW__API_AUTH__JWT_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: jwt-secret
- name: AIRFLOW__API__SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: api-secret-key
{{- end }}
{{- with $values.airflow.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The container that holds a component back until the migration job is done. */}}
{{- define "mempipe.airflow.wait" -}}
- name: wait-for-migrations
  {{- include "mempipe.airflow.container" (dict "root" .root) | nindent 2 }}
  args: [db, check-migrations, --migration-wait-timeout, {{ int .root.Values.airflow.migration.waitSeconds | quote }}]
  volumeMounts:
    {{- include "mempipe.airflow.mounts" . | nindent 4 }}
  resources:
    {{- toYaml .root.Values.airflow.migration.resources | nindent 4 }}
{{- end }}

{{/* Pods are replaced when what they read from the environment changes. */}}
{{- define "mempipe.airflow.checksums" -}}
checksum/airflow: {{ include (print .root.Template.BasePath "/airflow/config.yaml") .root | sha256sum }}
checksum/settings: {{ include (print .root.Template.BasePath "/settings.yaml") .root | sha256sum }}
{{- end }}

{{/* Probes of a component without a port: it is alive while its job's heartbeat in the database is. */}}
{{- define "mempipe.airflow.heartbeatProbes" -}}
{{- $probes := .root.Values.airflow.probes -}}
startupProbe:
  exec:
    command: [airflow, jobs, check, --job-type, {{ .job }}, --local]
  initialDelaySeconds: 20
  periodSeconds: 20
  timeoutSeconds: {{ int $probes.execTimeoutSeconds }}
  failureThreshold: 30
livenessProbe:
  exec:
    command: [airflow, jobs, check, --job-type, {{ .job }}, --local]
  periodSeconds: {{ int $probes.execPeriodSeconds }}
  timeoutSeconds: {{ int $probes.execTimeoutSeconds }}
  failureThreshold: 5
{{- end }}

{{/* What a schema cannot say: each message names what is missing and the way to it. */}}
{{- define "mempipe.checks" -}}
{{- if not .Values.pipeline.store -}}
{{- fail "\npipeline.store is empty. Say where everything is kept, such as --set pipeline.store=gs://bucket/folder" -}}
{{- end -}}
{{- if eq (include "mempipe.trainingNamespace" .) .Release.Namespace -}}
{{- fail "\ntraining.namespace is the release namespace. Choose another: its network and its quota are not for Airflow." -}}
{{- end -}}
{{- include "mempipe.checks.quota" . -}}
{{- if .Values.airflow.enabled -}}
{{- include "mempipe.checks.secrets" . -}}
{{- if and .Values.airflow.ingress.enabled (not .Values.airflow.ingress.host) -}}
{{- fail "\nairflow.ingress.host is empty. Name the host of the Ingress." -}}
{{- end -}}
{{- else -}}
{{- if not .Values.airflow.existing.serviceAccounts -}}
{{- fail "\nairflow.existing.serviceAccounts is empty. Name the accounts of the existing Airflow's scheduler, workers and triggerer." -}}
{{- end -}}
{{- if .Values.postgresql.enabled -}}
{{- fail "\npostgresql.enabled has no use with airflow.enabled=false." -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A quota below what the pools ask for would fail tasks instead of queueing them. */}}
{{- define "mempipe.checks.quota" -}}
{{- $asked := dict "pods" 0 -}}
{{- range .Values.pools -}}
{{- $gpus := printf "requests.%s" .gpuResource -}}
{{- $_ := set $asked "pods" (add (get $asked "pods") .slots) -}}
{{- $_ := set $asked $gpus (add (get $asked $gpus | default 0) (mul .slots .gpus)) -}}
{{- end -}}
{{- range $resource, $amount := $asked -}}
{{- $hard := get ($.Values.training.quota | default dict) $resource -}}
{{- if and $hard (gt (int64 $amount) (int64 $hard)) -}}
{{- fail (printf "\ntraining.quota allows %s of %s, but the pools can ask for %d. Raise it, or lower the pools' slots." $hard $resource $amount) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Names every missing secret at once, with the command that makes it. */}}
{{- define "mempipe.checks.secrets" -}}
{{- $airflow := .Values.airflow -}}
{{- $create := printf "kubectl --namespace %s create secret generic %s" .Release.Namespace (include "mempipe.fullname" .) -}}
{{- $missing := list -}}
{{- if not (or $airflow.secrets.name $airflow.secrets.generate) -}}
{{- $keys := `--from-literal=fernet-key="$(openssl rand -base64 32 | tr '+/' '-_')" --from-literal=jwt-secret="$(openssl rand -hex 64)" --from-literal=api-secret-key="$(openssl rand -hex 64)"` -}}
{{- $missing = append $missing (printf "airflow.secrets.name is empty. Make the secret and name it:\n  %s-airflow %s" $create $keys) -}}
{{- end -}}
{{- if and $airflow.admin.username (not (or $airflow.admin.passwordSecret.name $airflow.secrets.generate)) -}}
{{- $keys := printf `--from-literal=%s="$(openssl rand -hex 16)"` $airflow.admin.passwordSecret.key -}}
{{- $missing = append $missing (printf "airflow.admin.passwordSecret.name is empty. Make the secret and name it:\n  %s-admin %s" $create $keys) -}}
{{- end -}}
{{- if not (or $airflow.database.secretName .Values.postgresql.enabled) -}}
{{- $keys := printf "--from-literal=%s='postgresql+psycopg2://USER:PASSWORD@HOST:5432/NAME'" $airflow.database.key -}}
{{- $missing = append $missing (printf "airflow.database.secretName is empty. Make the secret and name it:\n  %s-database %s" $create $keys) -}}
{{- end -}}
{{- if $missing -}}
{{- fail (printf "\n%s\nFor a trial instead: --set airflow.secrets.generate=true --set postgresql.enabled=true" (join "\n" $missing)) -}}
{{- end -}}
{{- if and $airflow.database.secretName .Values.postgresql.enabled -}}
{{- fail "\nairflow.database.secretName and postgresql.enabled are both set. Keep one: an external database, or the chart's own for trials." -}}
{{- end -}}
{{- end }}

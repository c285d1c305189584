{#
  Stops a dbt command on a database that another version of this program made, before anything is written.
  The steps from an older version to this one are run by `ingest` (ingest/versions), on every sync and by `migrate`.
#}
{% macro refuse_other_versions() %}
    {% if execute %}
        {% set tables = run_query(
            "select table_name from information_schema.tables where table_schema = 'raw'"
            ~ " and table_catalog = current_database() order by table_name"
        ).columns[0].values() | list %}
        {% set current = raw_schema_version() | int %}
        {% set found = (run_query("select max(version) from raw.schema_versions").rows[0][0]
            if 'schema_versions' in tables else none) %}
        {% if found is none and tables | reject('equalto', 'schema_versions') | list or found is not none and found < current %}
            {% do exceptions.raise_compiler_error(
                "This database was made by an earlier version of the program: run `python -m ingest migrate`, which"
                ~ " brings it up to date, and then the same command again."
            ) %}
        {% elif found is not none and found > current %}
            {% do exceptions.raise_compiler_error(
                "This database has version " ~ found ~ ", and this program knows versions up to " ~ current
                ~ ": update the program; nothing was written."
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}

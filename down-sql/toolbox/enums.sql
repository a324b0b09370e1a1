-- Give an enum other labels. rebuild_enum is what down SQL calls; the others are internal.

-- Returns the columns whose type is the enum (types[1]) or an array of it (types[2]), except those in the archive.
CREATE OR REPLACE FUNCTION langfuse_rollout.enum_columns(types oid[])
RETURNS TABLE (relation oid, number smallint, name text, is_array boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid = types[2]
  FROM pg_attribute AS a
  JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE a.atttypid = ANY (types) AND NOT a.attisdropped AND a.attinhcount = 0
    AND n.nspname <> 'langfuse_rollout' AND n.nspname !~ '^pg_temp'
  ORDER BY a.attrelid::regclass::text, a.attnum;
END
$toolbox$;

-- Returns the SQL condition that a column has one of these labels.
CREATE OR REPLACE FUNCTION langfuse_rollout.has_label(column_name text, is_array boolean, labels text[])
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN format(CASE WHEN is_array THEN 'this.%I::text[] && %L::text[]' ELSE 'this.%I::text = ANY (%L::text[])' END,
    column_name, labels);
END
$toolbox$;

-- Returns SQL for value as text, with each label that goes replaced. value is SQL of the enum type or of its array.
CREATE OR REPLACE FUNCTION langfuse_rollout.mapped_label(value text, type oid, going text[], replacements jsonb)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  is_array boolean := (SELECT typelem <> 0 FROM pg_type WHERE oid = type);
  mapped text := value || CASE WHEN is_array THEN '::text[]' ELSE '::text' END;
  label text;
BEGIN
  FOREACH label IN ARRAY going LOOP
    CONTINUE WHEN replacements ->> label IS NULL;
    mapped := CASE WHEN is_array THEN format('array_replace(%s, %L, %L)', mapped, label, replacements ->> label)
      ELSE format('CASE %s WHEN %L THEN %L ELSE %s END', value || '::text', label, replacements ->> label, mapped) END;
  END LOOP;
  RETURN mapped;
END
$toolbox$;

-- An error when a replacement makes no sense, or when rows use a label that goes and has no replacement.
CREATE OR REPLACE FUNCTION langfuse_rollout.check_labels(type oid, labels text[], going text[], replacements jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  wrong text := (
    SELECT string_agg(format('%s by %s', key, value), ', ') FROM jsonb_each_text(replacements)
    WHERE key = ANY (labels) OR value <> ALL (labels));
  bare text[] := ARRAY(SELECT label FROM unnest(going) AS label WHERE replacements ->> label IS NULL);
  found record;
  used bigint;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'labels of % cannot be replaced so: %', type::regtype, wrong
      USING HINT = 'A label that goes is replaced by one that the enum has afterwards.';
  END IF;
  IF bare = '{}' THEN RETURN; END IF;
  FOR found IN
    SELECT * FROM langfuse_rollout.enum_columns(ARRAY[type, (SELECT typarray FROM pg_type WHERE oid = type)])
  LOOP
    EXECUTE format('SELECT count(*) FROM %s AS this WHERE %s', found.relation::regclass,
      langfuse_rollout.has_label(found.name, found.is_array, bare)) INTO used;
    IF used > 0 THEN
      RAISE EXCEPTION '% rows of % have a label in % that goes and that nothing replaces (%)', used,
        found.relation::regclass, quote_ident(found.name), array_to_string(bare, ', ');
    END IF;
  END LOOP;
END
$toolbox$;

-- Returns '; COMMENT ON …' for what is made again, or an empty text.
CREATE OR REPLACE FUNCTION langfuse_rollout.comment_on(kind text, name text, comment text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN CASE WHEN comment IS NULL THEN '' ELSE format('; COMMENT ON %s %s IS %L', kind, name, comment) END;
END
$toolbox$;

-- Returns SQL that makes a trigger again, with its state and comment.
CREATE OR REPLACE FUNCTION langfuse_rollout.trigger_again(trigger oid)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT pg_get_triggerdef(t.oid)
      || CASE WHEN t.tgenabled = 'O' THEN '' ELSE format('; ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass,
        CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, t.tgname) END
      || langfuse_rollout.comment_on('TRIGGER', format('%I ON %s', t.tgname, t.tgrelid::regclass),
        obj_description(t.oid, 'pg_trigger'))
    FROM pg_trigger AS t WHERE t.oid = trigger
  );
END
$toolbox$;

-- Returns SQL that gives a column of a view that is made again its default, privileges and comment; empty: it has none.
CREATE OR REPLACE FUNCTION langfuse_rollout.column_of_view(view oid, number smallint)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN (
    SELECT concat_ws('; ',
      (SELECT format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', view::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid))
       FROM pg_attrdef AS d WHERE d.adrelid = view AND d.adnum = number),
      (SELECT string_agg(format('GRANT %s (%I) ON %s TO %s%s', g.privilege_type, a.attname, view::regclass,
          CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
          CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END), '; ')
       FROM aclexplode(a.attacl) AS g),
      nullif(ltrim(langfuse_rollout.comment_on('COLUMN', format('%s.%I', view::regclass, a.attname),
        col_description(view, number)), '; '), ''))
    FROM pg_attribute AS a WHERE a.attrelid = view AND a.attnum = number
  );
END
$toolbox$;

-- Returns the views that use an enum, also through other views: for each the statement that drops it, and those that
-- make it again with its owner, rights, comments, defaults, indexes, rules and triggers.
CREATE OR REPLACE FUNCTION langfuse_rollout.enum_views(types oid[])
RETURNS TABLE (place integer, goes text, comes text[], is_optional boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  WITH RECURSIVE dependent AS (
    SELECT r.ev_class AS id, 1 AS depth
    FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types)
      OR d.refclassid = 'pg_class'::regclass AND EXISTS (
        SELECT FROM langfuse_rollout.enum_columns(types) AS c WHERE c.relation = d.refobjid AND c.number = d.refobjsubid)
    UNION
    SELECT r.ev_class, dependent.depth + 1
    FROM dependent
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = dependent.id
    JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND r.ev_class <> dependent.id
  ), view AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relowner, c.relacl, c.reloptions, far.depth, c.relispopulated,
      CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind
    FROM (SELECT id, max(dependent.depth)::integer AS depth FROM dependent GROUP BY id) AS far
    JOIN pg_class AS c ON c.oid = far.id AND c.relkind IN ('v', 'm')
  )
  SELECT 100 - view.depth, format('DROP %s %s', view.kind, view.name),
    ARRAY[format('CREATE %s %s%s AS %s%s', view.kind, view.name,
      ' WITH (' || array_to_string(view.reloptions, ', ') || ')', rtrim(pg_get_viewdef(view.oid), ';'),
      CASE WHEN NOT view.relispopulated THEN ' WITH NO DATA' END)]
    || ARRAY(
      -- Default privileges would give a new view to roles that the present one is not for.
      SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', view.name,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END)
      FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS g
      WHERE d.defaclobjtype = 'r' AND pg_get_userbyid(d.defaclrole) = current_user AND g.grantee <> d.defaclrole)
    || CASE WHEN pg_get_userbyid(view.relowner) <> current_user
      THEN ARRAY[format('ALTER %s %s OWNER TO %I', view.kind, view.name, pg_get_userbyid(view.relowner))] END
    || ARRAY(
      SELECT format('GRANT %s ON %s TO %s%s', g.privilege_type, view.name,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END)
      FROM aclexplode(view.relacl) AS g WHERE g.grantee <> view.relowner)
    || CASE WHEN obj_description(view.oid, 'pg_class') IS NOT NULL
      THEN ARRAY[format('COMMENT ON %s %s IS %L', view.kind, view.name, obj_description(view.oid, 'pg_class'))] END
    || ARRAY(SELECT langfuse_rollout.column_of_view(view.oid, a.attnum) FROM pg_attribute AS a
      WHERE a.attrelid = view.oid AND a.attnum > 0 ORDER BY a.attnum)
    || ARRAY(SELECT pg_get_indexdef(i.indexrelid) || langfuse_rollout.comment_on('INDEX', i.indexrelid::regclass::text,
        obj_description(i.indexrelid, 'pg_class'))
      FROM pg_index AS i WHERE i.indrelid = view.oid ORDER BY i.indexrelid)
    || ARRAY(SELECT pg_get_ruledef(r.oid) FROM pg_rewrite AS r WHERE r.ev_class = view.oid AND r.rulename <> '_RETURN')
    || ARRAY(SELECT langfuse_rollout.trigger_again(t.oid) FROM pg_trigger AS t WHERE t.tgrelid = view.oid AND NOT t.tgisinternal),
    false
  FROM view;
END
$toolbox$;

-- Returns what prevents a change of type because it mentions the old one: triggers, foreign keys, checks, and indexes
-- with a condition or an expression. An optional one may name a label that goes, and then it cannot be made again.
CREATE OR REPLACE FUNCTION langfuse_rollout.enum_dependents(types oid[])
RETURNS TABLE (place integer, goes text, comes text[], is_optional boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  SELECT 101, format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass),
    ARRAY[langfuse_rollout.trigger_again(t.oid)],
    false
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid AND c.relkind IN ('r', 'p')
  WHERE NOT t.tgisinternal AND EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
      AND (d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types)
        OR d.refclassid = 'pg_class'::regclass AND EXISTS (
          SELECT FROM langfuse_rollout.enum_columns(types) AS e
          WHERE e.relation = d.refobjid AND e.number = d.refobjsubid)))
  UNION ALL
  SELECT CASE c.contype WHEN 'f' THEN 102 ELSE 103 END,
    format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
    ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
      || langfuse_rollout.comment_on('CONSTRAINT', format('%I ON %s', c.conname, c.conrelid::regclass),
        obj_description(c.oid, 'pg_constraint'))],
    c.contype <> 'f'
  FROM pg_constraint AS c
  WHERE c.conrelid <> 0 AND c.conparentid = 0 AND (
    c.contype = 'f' AND EXISTS (
      SELECT FROM langfuse_rollout.enum_columns(types) AS e
      WHERE e.relation = c.conrelid AND e.number = ANY (c.conkey))
    OR c.contype IN ('c', 'x') AND c.coninhcount = 0 AND EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types)
        AND (d.classid = 'pg_constraint'::regclass AND d.objid = c.oid
          OR d.classid = 'pg_class'::regclass AND d.objid = c.conindid)))
  UNION ALL
  -- The definition of a partitioned index leaves those of the partitions out (ONLY), but they go with it.
  SELECT 104, format('DROP INDEX %s', i.indexrelid::regclass), ARRAY[replace(pg_get_indexdef(i.indexrelid),
    format('INDEX %I ON ONLY ', x.relname), format('INDEX %I ON ', x.relname))
    || langfuse_rollout.comment_on('INDEX', x.oid::regclass::text, obj_description(x.oid, 'pg_class'))], true
  FROM pg_index AS i
  JOIN pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_class AS c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p')
  WHERE EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
        AND d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (types))
    AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    AND NOT EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = i.indexrelid);
END
$toolbox$;

-- Returns the defaults that mention an enum, with each label that goes replaced.
CREATE OR REPLACE FUNCTION langfuse_rollout.enum_defaults(types oid[], going text[], replacements jsonb)
RETURNS TABLE (place integer, goes text, comes text[], is_optional boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  found record;
  mapped text;
BEGIN
  FOR found IN
    SELECT a.attrelid, a.attname, a.atttypid, pg_get_expr(d.adbin, d.adrelid) AS expression
    FROM pg_attrdef AS d
    JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname <> 'langfuse_rollout'
    WHERE a.atttypid = ANY (types) OR EXISTS (
      SELECT FROM pg_depend AS p WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
        AND p.refclassid = 'pg_type'::regclass AND p.refobjid = ANY (types))
  LOOP
    IF found.atttypid = ANY (types) AND EXISTS (
      SELECT FROM unnest(going) AS label WHERE strpos(found.expression, label) > 0
    ) THEN
      EXECUTE 'SELECT (' || langfuse_rollout.mapped_label('(' || found.expression || ')', found.atttypid, going,
        replacements) || ')::text' INTO mapped;
      found.expression := format('%L::%s', mapped, found.atttypid::regtype);
    END IF;
    place := 105;
    goes := format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', found.attrelid::regclass, found.attname);
    comes := ARRAY[format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', found.attrelid::regclass, found.attname,
      found.expression)];
    is_optional := false;
    RETURN NEXT;
  END LOOP;
END
$toolbox$;

-- Runs a statement. An optional one that names a label which is gone is archived as a definition instead.
CREATE OR REPLACE FUNCTION langfuse_rollout.make_again(statement text, type text, is_optional boolean)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
BEGIN
  IF statement <> '' THEN EXECUTE statement; END IF;
EXCEPTION WHEN invalid_text_representation THEN
  IF NOT is_optional THEN
    RAISE EXCEPTION '%, which is used by: %', SQLERRM, statement
      USING ERRCODE = 'invalid_text_representation', HINT = 'Drop it, and start again.';
  END IF;
  RAISE WARNING 'not made again, since % (its definition is in the archive): %', SQLERRM, statement;
  PERFORM langfuse_rollout.note_definition(type, SQLERRM, jsonb_build_object('kind', 'statement', 'definition', statement));
END
$toolbox$;

-- Gives an enum exactly these labels in this order. Values with a label that goes are archived and replaced. Columns,
-- arrays, defaults, indexes, checks, keys, triggers and views get the new type; what cannot (a domain, a function, a
-- table in the archive) keeps the old type, which moves to the archive. A user's index or check that names a label
-- which goes is archived as a definition. Takes ACCESS EXCLUSIVE on every table with such a column.
CREATE OR REPLACE FUNCTION langfuse_rollout.rebuild_enum(type text, labels text[], replacements jsonb DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1 AS $toolbox$
#variable_conflict use_variable
DECLARE
  old oid := langfuse_rollout.type_named(type);
  types oid[] := ARRAY[old, (SELECT typarray FROM pg_type WHERE oid = old)];
  before text[] := langfuse_rollout.labels_of(old);
  going text[] := ARRAY(SELECT label FROM unnest(before) AS label WHERE label <> ALL (labels));
  new text := format('public.%I', type::name);
  dependents jsonb;
  tables text;
  found record;
  statement text;
BEGIN
  IF old IS NULL OR before = labels THEN RETURN; END IF;
  SELECT string_agg(DISTINCT e.relation::regclass::text, ', ') INTO tables FROM langfuse_rollout.enum_columns(types) AS e;
  IF tables IS NOT NULL THEN EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', tables); END IF;
  PERFORM langfuse_rollout.check_labels(old, labels, going, replacements);
  PERFORM langfuse_rollout.note_definition(old::regtype::text, 'the enum gets other labels',
    jsonb_build_object('kind', 'enum', 'labels', before));
  PERFORM langfuse_rollout.archive_matching(e.relation, langfuse_rollout.has_label(e.name, e.is_array, going),
    format('the label in %I is replaced', e.name), ARRAY[e.name], true,
    format('jsonb_build_object(%L, %s)', e.name, langfuse_rollout.mapped_label(format('this.%I', e.name),
      types[CASE WHEN e.is_array THEN 2 ELSE 1 END], going, replacements)))
  FROM langfuse_rollout.enum_columns(types) AS e WHERE going <> '{}';

  SELECT coalesce(jsonb_agg(to_jsonb(d.*) ORDER BY d.place, d.goes), '[]') INTO dependents
  FROM (
    SELECT * FROM langfuse_rollout.enum_views(types)
    UNION ALL SELECT * FROM langfuse_rollout.enum_dependents(types)
    UNION ALL SELECT * FROM langfuse_rollout.enum_defaults(types, going, replacements)
  ) AS d;
  FOR statement IN SELECT d ->> 'goes' FROM jsonb_array_elements(dependents) AS d LOOP
    EXECUTE statement;
  END LOOP;

  EXECUTE format('ALTER TYPE %s RENAME TO %I', old::regtype, langfuse_rollout.free_name(type, ''));
  EXECUTE format('CREATE TYPE %s AS ENUM (%s)', new,
    (SELECT string_agg(quote_literal(label), ', ' ORDER BY n) FROM unnest(labels) WITH ORDINALITY AS l (label, n)));
  FOR found IN
    -- A new type is everybody's to use.
    SELECT 1 AS place, format('REVOKE ALL ON TYPE %s FROM PUBLIC', new) AS statement
    FROM pg_type AS t WHERE t.oid = old AND t.typacl IS NOT NULL
    UNION ALL
    SELECT 2, format('GRANT USAGE ON TYPE %s TO %s%s', new,
      CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
      CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END)
    FROM pg_type AS t, aclexplode(t.typacl) AS g WHERE t.oid = old AND g.grantee <> t.typowner
    UNION ALL
    SELECT 3, format('ALTER TYPE %s OWNER TO %I', new, pg_get_userbyid(t.typowner))
    FROM pg_type AS t WHERE t.oid = old AND pg_get_userbyid(t.typowner) <> current_user
    UNION ALL
    SELECT 3, format('COMMENT ON TYPE %s IS %L', new, obj_description(old, 'pg_type'))
    WHERE obj_description(old, 'pg_type') IS NOT NULL
    UNION ALL
    SELECT 4, format('ALTER TABLE %s %s', e.relation::regclass, string_agg(format('ALTER COLUMN %I TYPE %s USING (%s)::%s',
      e.name, new || e.brackets, langfuse_rollout.mapped_label(quote_ident(e.name), e.type, going, replacements),
      new || e.brackets), ', ' ORDER BY e.number))
    FROM (
      SELECT c.*, CASE WHEN c.is_array THEN '[]' ELSE '' END AS brackets,
        types[CASE WHEN c.is_array THEN 2 ELSE 1 END] AS type
      FROM langfuse_rollout.enum_columns(types) AS c
    ) AS e
    GROUP BY e.relation
    ORDER BY place
  LOOP
    EXECUTE found.statement;
  END LOOP;

  FOR found IN
    SELECT s.statement, (d.value ->> 'is_optional')::boolean AS is_optional
    FROM jsonb_array_elements(dependents) WITH ORDINALITY AS d (value, n),
      jsonb_array_elements_text(d.value -> 'comes') WITH ORDINALITY AS s (statement, n)
    ORDER BY d.n DESC, s.n
  LOOP
    PERFORM langfuse_rollout.make_again(found.statement, new, found.is_optional);
  END LOOP;
  BEGIN
    EXECUTE format('DROP TYPE %s', old::regtype);
  EXCEPTION WHEN dependent_objects_still_exist THEN
    EXECUTE format('ALTER TYPE %s SET SCHEMA langfuse_rollout', old::regtype); -- its name is free there too
  END;
END
$toolbox$;

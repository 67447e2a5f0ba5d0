"""What must hold of the rows of an installation although no constraint says so: queries that find what breaks it."""

from __future__ import annotations

from dataclasses import dataclass

_AGAIN = "Load the scan again: lungdb load-scans --replace."
_CHOOSE = "Call EXECUTE dbo.ChooseSeries @Apply = 1."
_FEATURES = "Make its features again: EXECUTE dbo.GenerateFeatures."
_NODES = "Make its rows again where Python runs: EXECUTE dbo.StoreModelNodes."
_DENSE = "Load or train the network again."
# A copy of a model brings features without their array, and networks without their bytes.
_HAS_ARRAY = "NOT (f.array_rows = 0 AND DATALENGTH(f.array) = 0)"


@dataclass(frozen=True)
class Check:
    """A query that finds faults.

    Attributes
    ----------
    says : str
        What its rows are, in the plural.
    query : str
        T-SQL that gives a row a fault, with what names it and nothing that identifies a patient.
    advice : str
        What mends them.
    keys : str
        T-SQL that gives the values for which the query is run one by one, and how much work each is; empty for a query
        that is run once.
    """

    says: str
    query: str
    advice: str
    keys: str = ""


def _scans_of(table: str) -> str:
    return f"SELECT scan_id, COUNT(*) FROM dbo.{table} GROUP BY scan_id ORDER BY scan_id;"


CHECKS = (
    Check(
        "patients of whose scans not exactly one is primary",
        "SELECT p.idx AS patient_index, COUNT(*) AS scans FROM dbo.patients AS p "
        "INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id "
        "GROUP BY p.idx HAVING SUM(CAST(s.is_primary AS INT)) <> 1 ORDER BY p.idx;",
        _AGAIN,
    ),
    Check(
        "primary scans of whose studies another scan is the choice",
        "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.scans AS o ON o.patient_id = s.patient_id "
        "AND o.study_uid = s.study_uid AND o.is_study_choice = 1 WHERE s.is_primary = 1 AND s.is_study_choice = 0 "
        "ORDER BY s.scan_id;",
        _CHOOSE,
    ),
    Check(
        "studies that load-scans has stored and of which no scan is the choice",
        "SELECT MIN(c.scan_id) AS scan_id FROM dbo.series_choices AS c "
        "INNER JOIN dbo.scans AS s ON s.patient_id = c.patient_id AND s.study_uid = c.study_uid WHERE c.is_taken = 1 "
        "GROUP BY c.patient_id, c.study_uid HAVING MAX(CAST(s.is_study_choice AS INT)) = 0 ORDER BY 1;",
        _CHOOSE,
    ),
    Check(
        "choices of series that say other than the scans",
        "SELECT c.scan_id FROM dbo.series_choices AS c WHERE c.is_taken = 1 AND NOT EXISTS ("
        "SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = c.scan_id AND s.series_uid = c.series_uid "
        "AND s.is_study_choice = c.is_study_choice) ORDER BY c.scan_id;",
        _CHOOSE,
    ),
    Check(
        "scans with a date of which it is not said whether it is the true one",
        "SELECT s.scan_id FROM dbo.scans AS s WHERE (s.date_rule IS NULL AND s.acquisition_date IS NOT NULL) "
        "OR (s.date_rule = 'year' AND (s.acquisition_date IS NOT NULL OR MONTH(s.study_date) <> 1 "
        "OR DAY(s.study_date) <> 1)) ORDER BY s.scan_id;",
        _AGAIN,
    ),
    Check(
        "scans that an older version loaded with their padding as water",
        "SELECT s.scan_id FROM dbo.scans AS s WHERE s.intake_rule = 1 AND EXISTS ("
        "SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id AND i.rescale_intercept <> -1024) "
        "ORDER BY s.scan_id;",
        "If their files have padding, their features are of other voxels than the scanner's. " + _AGAIN,
    ),
    Check(
        "slices of which their scan has no room, or whose scan is not there",
        "SELECT i.scan_id, i.slice_index FROM dbo.scan_images AS i WHERE NOT EXISTS ("
        "SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = i.scan_id AND s.number_images > i.slice_index);",
        _AGAIN,
    ),
    Check(
        "feature arrays of another size than their feature set, scan or bytes have",
        "SELECT f.scan_id, f.feature_set_id FROM dbo.features AS f "
        "INNER JOIN dbo.feature_sets AS w ON w.feature_set_id = f.feature_set_id "
        "INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "LEFT JOIN dbo.networks AS n ON n.network_id = w.network_id "
        "WHERE (f.array_cols <> w.width OR f.array_rows <> CASE "
        "WHEN JSON_VALUE(n.details, N'$.input.dimensions') = N'3' THEN f.array_rows "  # tiles, as many as the steps lay
        "WHEN JSON_VALUE(n.details, N'$.input.channels') = N'1' THEN s.number_images "
        "ELSE (s.number_images + 2) / 3 END "
        f"OR DATALENGTH(f.array) <> CAST(4 AS BIGINT) * f.array_rows * f.array_cols) AND {_HAS_ARRAY};",
        _FEATURES,
    ),
    Check(
        "feature arrays that do not match their SHA-256",
        "SELECT f.scan_id, f.feature_set_id FROM dbo.features AS f "
        f"WHERE f.scan_id = ? AND f.sha256 <> HASHBYTES('SHA2_256', f.array) AND {_HAS_ARRAY};",
        _FEATURES,
        _scans_of("features"),
    ),
    Check(
        "vectors that do not match their SHA-256, or have none",
        "SELECT v.scan_id, v.feature_set_id, v.pooling FROM dbo.pooled_features AS v WHERE v.scan_id = ? "
        "AND COALESCE(v.vector_sha256, 0x) <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.vector));",
        _FEATURES,
        _scans_of("pooled_features"),
    ),
    Check(
        "vectors of another width than their feature set has",
        "SELECT v.scan_id, v.feature_set_id, v.pooling FROM dbo.pooled_features AS v "
        "INNER JOIN dbo.feature_sets AS w ON w.feature_set_id = v.feature_set_id "
        "INNER JOIN dbo.poolings AS k ON k.pooling = v.pooling WHERE v.scan_id = ? "
        "AND DATALENGTH(v.vector) / 2 - DATALENGTH(REPLACE(v.vector, N',', N'')) / 2 + 1 "
        "<> COALESCE(k.width, w.width * k.times);",
        _FEATURES,
        _scans_of("pooled_features"),
    ),
    Check(
        "vectors in float32 that do not match their SHA-256",
        "SELECT u.scan_id, u.feature_set_id, u.pooling FROM dbo.binary_vectors AS u "
        "WHERE u.scan_id = ? AND u.array_sha256 <> HASHBYTES('SHA2_256', u.array);",
        "Delete the rows: SimilarPatients makes them again.",
        _scans_of("binary_vectors"),
    ),
    Check(
        "moving pictures that do not match their SHA-256",
        "SELECT a.scan_id, a.format FROM dbo.animations AS a "
        "WHERE a.scan_id = ? AND a.sha256 <> HASHBYTES('SHA2_256', a.animation);",
        "Delete the rows: the page makes them again.",
        _scans_of("animations"),
    ),
    Check(
        "prepared pictures that do not match their SHA-256",
        "SELECT p.scan_id, p.preprocessing, p.picture_rows, p.picture_cols, p.slice_index "
        "FROM dbo.prepared_slices AS p WHERE p.scan_id = ? AND p.sha256 <> HASHBYTES('SHA2_256', p.picture);",
        "Delete the rows of dbo.prepared_scans: GenerateFeatures makes them again.",
        _scans_of("prepared_slices"),
    ),
    Check(
        "maps of layers that do not match their SHA-256, or are of other features",
        "SELECT m.scan_id, m.feature_set_id, m.triple FROM dbo.slice_maps AS m INNER JOIN dbo.features AS f "
        "ON f.scan_id = m.scan_id AND f.feature_set_id = m.feature_set_id WHERE m.scan_id = ? "
        "AND (m.sha256 <> HASHBYTES('SHA2_256', m.map) OR m.features_sha256 <> f.sha256);",
        "Delete the rows: GenerateFeatures @KeepMaps = 1 makes them again.",
        _scans_of("slice_maps"),
    ),
    Check(
        "scans of whose triples some have a map of a layer and others none",
        "SELECT a.scan_id, a.feature_set_id FROM dbo.features AS a INNER JOIN dbo.slice_maps AS m "
        "ON m.scan_id = a.scan_id AND m.feature_set_id = a.feature_set_id "
        "GROUP BY a.scan_id, a.feature_set_id, a.array_rows HAVING COUNT(*) <> a.array_rows;",
        "Call GenerateFeatures with @KeepMaps = 1.",
    ),
    Check(
        "networks that do not match their SHA-256",
        "SELECT n.network_id, n.name, n.version FROM dbo.networks AS n "
        "WHERE n.sha256 <> HASHBYTES('SHA2_256', n.model) AND DATALENGTH(n.model) > 0;",
        "Load the network again: lungdb load-network.",
    ),
    Check(
        "models that do not match their SHA-256",
        "SELECT c.classifier_id, c.name, c.version FROM dbo.classifiers AS c "
        "WHERE c.sha256 <> HASHBYTES('SHA2_256', c.model);",
        "Restore the row from a backup, or train again.",
    ),
    Check(
        "names of models of which no version is the champion",
        "SELECT DISTINCT c.name FROM dbo.classifiers AS c WHERE NOT EXISTS ("
        "SELECT 1 FROM dbo.champions AS h WHERE h.name = c.name);",
        "Each serves its newest version until one is promoted: EXECUTE dbo.PromoteModel.",
    ),
    Check(
        "champions that are not versions of the name that they stand for",
        "SELECT h.name, h.classifier_id FROM dbo.champions AS h WHERE NOT EXISTS ("
        "SELECT 1 FROM dbo.classifiers AS c WHERE c.classifier_id = h.classifier_id AND c.name = h.name);",
        "Promote a version of the name: EXECUTE dbo.PromoteModel.",
    ),
    Check(
        "scopes of models that are not whole",
        "SELECT DISTINCT m.classifier_id FROM dbo.model_scope AS m WHERE m.low > m.high "
        "OR (m.item = 'distance' AND NOT EXISTS ("
        "SELECT 1 FROM dbo.model_scope_features AS f WHERE f.classifier_id = m.classifier_id)) "
        "OR (m.item = 'held_out' AND (m.high < 0 OR m.high > 1));",
        "Scores of the model do not say rightly whether they stand outside. Train it again.",
    ),
    Check(
        "explained scores whose contributions or slices do not sum to the margin",
        "SELECT e.prediction_id FROM dbo.score_explanations AS e LEFT JOIN ("
        "SELECT k.prediction_id, SUM(k.contribution) AS total FROM dbo.score_contributions AS k WHERE k.member = 0 "
        "GROUP BY k.prediction_id) AS c ON c.prediction_id = e.prediction_id LEFT JOIN ("
        "SELECT s.prediction_id, SUM(s.value) AS total FROM dbo.score_slices AS s WHERE s.method <> 'without' "
        "GROUP BY s.prediction_id) AS t ON t.prediction_id = e.prediction_id "
        "WHERE ABS(c.total - e.margin) > 0.000001 * (1 + ABS(e.margin)) "
        "OR ABS(t.total - e.margin + e.reference_margin) > 0.000001 * (1 + ABS(e.margin)) ORDER BY e.prediction_id;",
        "Explain them again: EXECUTE dbo.ExplainScans @PredictionId = …, @Recompute = 1.",
    ),
    Check(
        "explained scores whose contributions lack a member or its expected margin",
        "SELECT c.prediction_id FROM (SELECT k.prediction_id, COUNT(DISTINCT k.member) AS members, "
        "SUM(CASE WHEN k.feature IS NULL THEN 1 ELSE 0 END) AS starts FROM dbo.score_contributions AS k "
        "GROUP BY k.prediction_id) AS c INNER JOIN dbo.predictions AS p ON p.prediction_id = c.prediction_id "
        "LEFT JOIN (SELECT m.classifier_id, COUNT(*) AS members FROM dbo.ensemble_members AS m "
        "GROUP BY m.classifier_id) AS n ON n.classifier_id = p.classifier_id "
        "WHERE c.starts <> c.members OR c.members <> n.members ORDER BY c.prediction_id;",
        "Explain them again: EXECUTE dbo.ExplainScans @PredictionId = …, @Recompute = 1.",
    ),
    Check(
        "settings that no procedure can work with",
        "SELECT s.name FROM dbo.settings AS s WHERE (s.name = N'serve' AND s.value NOT IN (N'champion', N'newest')) "
        "OR (s.name = N'default_network' AND s.value <> N'' AND NOT EXISTS ("
        "SELECT 1 FROM dbo.networks AS n WHERE n.name = s.value));",
        "Correct it in dbo.settings.",
    ),
    Check(
        "features that are said to be of another patient than their scan",
        "SELECT f.scan_id, f.feature_set_id FROM dbo.features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "WHERE f.patient_id <> s.patient_id;",
        _FEATURES,
    ),
    Check(
        "pictures that do not match their SHA-256",
        "SELECT i.name FROM dbo.images AS i WHERE i.sha256 <> HASHBYTES('SHA2_256', i.image);",
        "Load the picture again: lungdb load-images.",
    ),
    Check(
        "pictures whose class and classes contradict each other",
        "SELECT i.name FROM dbo.images AS i INNER JOIN dbo.image_labels AS l ON l.name = i.name "
        "GROUP BY i.name, i.label "
        "HAVING COUNT(*) = 1 AND (i.label IS NULL OR i.label <> MIN(l.label)) OR COUNT(*) > 1 AND i.label IS NOT NULL;",
        "Load their labels again: lungdb load-images --list.",
    ),
    Check(
        "groups of pictures of several patients",
        "SELECT i.group_name FROM dbo.images AS i WHERE i.group_name IS NOT NULL GROUP BY i.group_name "
        "HAVING COUNT(DISTINCT COALESCE(i.patient_id, N'')) > 1;",
        "Correct dbo.images: a group is in one part of the splits.",
    ),
    Check(
        "models of pictures that do not match their SHA-256",
        "SELECT c.name, c.version FROM dbo.image_classifiers AS c WHERE c.sha256 <> HASHBYTES('SHA2_256', c.model);",
        "Restore the row from a backup, or train again.",
    ),
    Check(
        "scores of pictures whose part in a training is not that of the splits",
        "SELECT DISTINCT s.image_classifier_id, s.name FROM dbo.image_scores AS s "
        "INNER JOIN dbo.images AS i ON s.is_group = 1 AND i.group_name = s.name OR s.is_group = 0 AND i.name = s.name "
        "INNER JOIN dbo.image_sources AS o ON o.name = i.name WHERE s.part <> 'new' AND o.part <> s.part;",
        "Its figures are not of pictures it had not seen. Train again.",
    ),
    Check(
        "features of pictures that do not match their SHA-256, feature set or bytes",
        "SELECT f.name, f.feature_set_id FROM dbo.image_features AS f "
        "INNER JOIN dbo.feature_sets AS w ON w.feature_set_id = f.feature_set_id "
        "WHERE f.sha256 <> HASHBYTES('SHA2_256', f.array) OR f.array_rows <> 1 OR f.array_cols <> w.width "
        "OR DATALENGTH(f.array) <> CAST(4 AS BIGINT) * f.array_cols;",
        "Make them again: EXECUTE dbo.FeaturizeImages.",
    ),
    Check(
        "nodes of trees whose children are not there",
        "SELECT n.classifier_id, n.tree, n.node FROM dbo.model_nodes AS n WHERE n.left_node IS NOT NULL AND ("
        "NOT EXISTS (SELECT 1 FROM dbo.model_nodes AS c "
        "WHERE c.classifier_id = n.classifier_id AND c.tree = n.tree AND c.node = n.left_node) OR "
        "NOT EXISTS (SELECT 1 FROM dbo.model_nodes AS c "
        "WHERE c.classifier_id = n.classifier_id AND c.tree = n.tree AND c.node = n.right_node));",
        _NODES,
    ),
    Check(
        "trees that lack their root or have nodes that no other leads to",
        "SELECT n.classifier_id, n.tree FROM dbo.model_nodes AS n GROUP BY n.classifier_id, n.tree "
        "HAVING MIN(n.node) <> 0 OR COUNT(*) <> 1 + 2 * COUNT(n.left_node);",
        _NODES,
    ),
    Check(
        "nodes and coefficients of features that their model does not read",
        "SELECT n.classifier_id, n.feature_index FROM dbo.model_nodes AS n "
        "INNER JOIN dbo.model_scoring AS s ON s.classifier_id = n.classifier_id WHERE n.feature_index >= s.width "
        "UNION SELECT k.classifier_id, k.feature_index FROM dbo.model_coefficients AS k "
        "INNER JOIN dbo.model_scoring AS s ON s.classifier_id = k.classifier_id "
        "WHERE k.feature_index < 0 OR k.feature_index >= s.width;",
        _NODES,
    ),
    Check(
        "models of another width than their features have",
        "SELECT s.classifier_id FROM dbo.model_scoring AS s "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id "
        "INNER JOIN dbo.feature_sets AS w ON w.feature_set_id = c.feature_set_id "
        "INNER JOIN dbo.poolings AS k ON k.pooling = c.pooling "
        "WHERE s.width <> COALESCE(k.width, w.width * k.times);",
        _NODES,
    ),
    Check(
        "calibrations with gaps, or of two methods",
        "SELECT p.classifier_id FROM dbo.model_calibration AS p GROUP BY p.classifier_id "
        "HAVING COUNT(*) <> MAX(p.position) - MIN(p.position) + 1 OR MIN(p.method) <> MAX(p.method) "
        "OR (MIN(p.method) = 'platt' AND COUNT(*) <> 1);",
        _NODES,
    ),
    Check(
        "patients whose part in a training run is not that of dbo.splits",
        "SELECT e.experiment_id, p.idx AS patient_index FROM dbo.experiment_patients AS e "
        "INNER JOIN dbo.patients AS p ON p.patient_id = e.patient_id WHERE NOT EXISTS ("
        "SELECT 1 FROM dbo.splits AS s WHERE s.patient_id = e.patient_id "
        "AND s.part = CASE e.part WHEN 'test' THEN 'test' ELSE 'train' END);",
        "Figures of that run are not of patients it had not seen. Restore dbo.splits, or train again.",
    ),
    Check(
        "scans that the worklist lacks, or has otherwise",
        "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id "
        "WHERE s.is_primary = 1 AND NOT EXISTS (SELECT 1 FROM dbo.worklist AS w WHERE w.scan_id = s.scan_id "
        "AND w.idx = p.idx AND w.patient_id = p.patient_id AND w.slices = s.number_images AND w.work IS NOT NULL) "
        "UNION SELECT w.scan_id FROM dbo.worklist AS w WHERE NOT EXISTS ("
        "SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = w.scan_id AND s.is_primary = 1);",
        "Call EXECUTE dbo.RefreshWorklist.",
    ),
    Check(
        "dense networks whose layers do not follow each other",
        "SELECT d.network, d.layer FROM dbo.dense_layers AS d WHERE d.layer > 0 AND NOT EXISTS ("
        "SELECT 1 FROM dbo.dense_layers AS b WHERE b.network = d.network AND b.layer = d.layer - 1 "
        "AND b.units = d.inputs);",
        _DENSE,
    ),
    Check(
        "layers of dense networks whose numbers are not whole",
        "SELECT d.network, d.layer FROM dbo.dense_layers AS d WHERE CAST(d.inputs AS BIGINT) * d.units <> ("
        "SELECT COUNT(*) FROM dbo.tensors AS t WHERE t.network = d.network "
        "AND t.tensor = CONCAT(d.layer, N'.weight') AND t.row_index BETWEEN 0 AND d.inputs - 1 "
        "AND t.column_index BETWEEN 0 AND d.units - 1) OR d.units <> ("
        "SELECT COUNT(*) FROM dbo.tensors AS t WHERE t.network = d.network AND t.tensor = CONCAT(d.layer, N'.bias') "
        "AND t.row_index = 0 AND t.column_index BETWEEN 0 AND d.units - 1);",
        _DENSE,
    ),
    Check(
        "examples whose data set is one of scans or pictures",
        "SELECT d.name FROM dbo.datasets AS d WHERE d.kind <> 'examples' "
        "AND EXISTS (SELECT 1 FROM dbo.examples AS e WHERE e.dataset = d.name);",
        "Give the examples another name.",
    ),
    Check(
        "data sets of which some examples lack features",
        "SELECT e.dataset FROM dbo.examples AS e GROUP BY e.dataset HAVING MIN(e.feature_index) <> 0 OR "
        "COUNT(*) <> COUNT(DISTINCT e.example_id) * (CAST(MAX(e.feature_index) AS BIGINT) + 1);",
        "Insert the missing rows.",
    ),
    Check(
        "nodules of other slices than their scan has",
        "SELECT n.nodule_id, n.scan_id FROM dbo.nodules AS n "
        "INNER JOIN dbo.scans AS s ON s.scan_id = n.scan_id WHERE n.content_sha256 <> s.content_sha256 "
        "ORDER BY n.nodule_id;",
        "Load what was marked in these scans again: lungdb load-labels. What a network found is to be found again.",
    ),
    Check(
        "scans with cancer within a horizon and none within a longer one",
        "SELECT a.scan_id, a.horizon_days, b.horizon_days AS longer FROM dbo.scan_labels AS a "
        "INNER JOIN dbo.scan_labels AS b ON b.scan_id = a.scan_id AND b.horizon_days > a.horizon_days "
        "WHERE a.label = 1 AND b.label = 0 ORDER BY a.scan_id, a.horizon_days;",
        "Load the labels of both horizons again from one file: lungdb load-labels --horizon.",
    ),
    Check(
        "runs with steps missing",
        "SELECT t.run_id FROM dbo.run_steps AS t GROUP BY t.run_id HAVING MIN(t.step) <> 1 OR MAX(t.step) <> COUNT(*);",
        "Delete the rows of the run in dbo.runs.",
    ),
)
"""In the order in which they are made."""

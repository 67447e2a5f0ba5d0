-- What a drift check compared: a feature, the score, the spacing, or the mix of scanners or kernels.
CREATE TABLE dbo.drift_items (
    drift_check_id INT NOT NULL,    -- check that it belongs to, in dbo.drift_checks
    position INT NOT NULL,          -- order in the check
    kind VARCHAR(8) NOT NULL,       -- feature, score, spacing, scanner or kernel
    feature_index INT NULL,         -- place in the vector that the model reads, from 0; NULL of other kinds
    name NVARCHAR(600) NOT NULL,    -- which it is, such as 'column age' or 'layer avg_pool of resnet, feature 17'
    statistic FLOAT NOT NULL,       -- difference of the two groups in standard errors, without sign
    p_value FLOAT NOT NULL,         -- share of permutations, the real order counted, whose largest statistic of all items is at least as
                                    -- large
    stability_index FLOAT NOT NULL, -- population stability index of the later patients against the tested ones, 0 where they are alike
    CONSTRAINT PK_drift_items PRIMARY KEY (drift_check_id, position),
    CONSTRAINT FK_drift_items_checks FOREIGN KEY (drift_check_id) REFERENCES dbo.drift_checks (drift_check_id),
    CONSTRAINT CK_drift_items_kind CHECK (kind IN ('feature', 'score', 'spacing', 'scanner', 'kernel'))
);

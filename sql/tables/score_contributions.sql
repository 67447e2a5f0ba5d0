-- What a feature added to the margin of a score. A feature without a row adds nothing.
CREATE TABLE dbo.score_contributions (
    prediction_id INT NOT NULL,  -- score that is explained, in dbo.predictions
    member INT NOT NULL,         -- 0; of an ensemble 1 and up, whose members are explained one by one
    feature INT NULL,            -- place in the vector that the model reads, from 0; NULL is the expected margin, so that a member's
                                 -- contributions sum to its margin
    feature_value FLOAT NULL,    -- value of the feature in the scan; NULL where it is missing, and of the expected margin
    contribution FLOAT NOT NULL, -- what it adds to the margin
    standard_error FLOAT NULL,   -- standard error of an estimate, as those of a network are; NULL where it is exact, as by trees and
                                 -- logistic regressions, or of fewer than three permutations
    CONSTRAINT UQ_score_contributions UNIQUE (prediction_id, member, feature),
    CONSTRAINT FK_score_contributions_explanations FOREIGN KEY (prediction_id)
        REFERENCES dbo.score_explanations (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_contributions_place CHECK (member >= 0 AND feature >= 0)
);

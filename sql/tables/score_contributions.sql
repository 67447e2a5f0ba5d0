-- What a feature added to the margin of a score. The row whose feature is NULL is the expected margin, so that the contributions of a
-- prediction's member sum to its margin. member is 0, of an ensemble 1 and up, whose members are explained one by one; feature is the
-- position in the vector that the model reads, feature_value NULL where it is missing. A feature without a row adds nothing.
-- standard_error is NULL where a contribution is exact: by trees and logistic regressions. A network's are estimates, whose error is NULL
-- too where fewer than three permutations were made.
CREATE TABLE dbo.score_contributions (
    prediction_id INT NOT NULL,
    member INT NOT NULL,
    feature INT NULL,
    feature_value FLOAT NULL,
    contribution FLOAT NOT NULL,
    standard_error FLOAT NULL,
    CONSTRAINT UQ_score_contributions UNIQUE (prediction_id, member, feature),
    CONSTRAINT FK_score_contributions_explanations FOREIGN KEY (prediction_id)
        REFERENCES dbo.score_explanations (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_contributions_place CHECK (member >= 0 AND feature >= 0)
);

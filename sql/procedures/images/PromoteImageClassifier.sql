-- PromoteImageClassifier: makes a version of a model of pictures the champion of its name, unless it is less accurate than the present one
-- on the same pictures, each scored by a model that had not learnt from it.
-- Example: EXECUTE dbo.PromoteImageClassifier @ModelName = N'faces';
CREATE OR ALTER PROCEDURE dbo.PromoteImageClassifier
    @ModelName NVARCHAR(128) = N'image_classes', -- name of a model in dbo.image_classifiers
    @Version INT = NULL,                    -- version to promote; NULL means the newest
    @Force BIT = 0,                         -- 1 promotes a worse version or one that cannot be compared too, and records that
    @Help BIT = 0                           -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PromoteImageClassifier makes a version of a model of pictures the champion of its name: what PredictImages uses.
Both versions are compared by the accuracy of their out-of-fold scores, if these are of the same pictures or groups with as many of each
class. The part test is not looked at. A version that is worse or cannot be compared is refused, unless forced.
Every promotion is a row of dbo.image_promotions; to go back, promote the former version with @Force = 1.
Parameters:
    @ModelName NVARCHAR(128) = N''image_classes''  name of a model in dbo.image_classifiers
    @Version INT = NULL                          version to promote; NULL means the newest
    @Force BIT = 0                               1 promotes a worse version or one that cannot be compared too, and records that
    @Help BIT = 0                                1 prints this help and does nothing else
Example:
    EXECUTE dbo.PromoteImageClassifier @ModelName = N''faces'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Number INT = 0, @Id INT, @Champion INT, @ChampionVersion INT, @LastPromotion INT, @IsSame BIT;
    DECLARE @Value FLOAT, @PreviousValue FLOAT;
    IF @Force IS NULL
    BEGIN
        SET @Message = N'The value NULL for the parameter @Force is not supported. Supported values are 0 and 1.';
        THROW 50101, @Message, 1;
    END;
    SET @Version = COALESCE(@Version, (SELECT MAX(version) FROM dbo.image_classifiers WHERE name = @ModelName));
    EXECUTE internal.FindImageClassifier @ModelName, @Version, @Id OUTPUT;
    SELECT TOP (1) @Champion = p.image_classifier_id, @LastPromotion = p.promotion_id, @ChampionVersion = c.version
    FROM dbo.image_promotions AS p
    INNER JOIN dbo.image_classifiers AS c ON c.image_classifier_id = p.image_classifier_id
    WHERE p.name = @ModelName
    ORDER BY p.promotion_id DESC;
    IF @Champion = @Id
    BEGIN
        RAISERROR(N'%s version %d is the champion already.', 0, 1, @ModelName, @Version) WITH NOWAIT;
        RETURN 0;
    END;

    SET @Value = (
        SELECT value FROM dbo.image_metrics WHERE image_classifier_id = @Id AND part = 'train' AND label = -1 AND metric = N'accuracy');
    SET @PreviousValue = (
        SELECT value FROM dbo.image_metrics
        WHERE image_classifier_id = @Champion AND part = 'train' AND label = -1 AND metric = N'accuracy');
    -- What one of the two has alone: pictures scored out of fold, and how many there are of a class.
    SET @IsSame = CASE
        WHEN EXISTS (
            SELECT 1
            FROM (
                SELECT DISTINCT image_classifier_id, is_group, name, content_sha256
                FROM dbo.image_scores
                WHERE image_classifier_id IN (@Id, @Champion) AND part = 'train' AND fold IS NOT NULL) AS s
            GROUP BY s.is_group, s.name, s.content_sha256
            HAVING COUNT(*) = 1) THEN 0
        WHEN EXISTS (
            SELECT 1
            FROM (
                SELECT label, value AS pictures
                FROM dbo.image_metrics
                WHERE image_classifier_id IN (@Id, @Champion) AND part = 'train' AND label >= 0 AND metric = N'examples') AS s
            GROUP BY s.label
            HAVING COUNT(*) = 1 OR MIN(s.pictures) <> MAX(s.pictures)) THEN 0
        ELSE 1 END;
    IF @Champion IS NOT NULL AND @Force = 0 AND (@IsSame = 0 OR @Value IS NULL OR @PreviousValue IS NULL)
    BEGIN
        SET @Number = 50144;
        SET @Message = CONCAT(N'The versions ', @Version, N' and ', @ChampionVersion, N' (champion) of ''', @ModelName,
            N''' have no out-of-fold scores of the same pictures with the same classes, so that they cannot be compared. Train ',
            N'the version with folds on the champion''s pictures, or promote it with @Force = 1.');
    END;
    ELSE IF @Force = 0 AND @Value < @PreviousValue
    BEGIN
        SET @Number = 50141;
        SET @Message = CONCAT(N'Version ', @Version, N' of ''', @ModelName, N''' has the accuracy ', LTRIM(STR(@Value, 20, 4)),
            N' and the champion, version ', @ChampionVersion, N', has ', LTRIM(STR(@PreviousValue, 20, 4)),
            N' on the out-of-fold scores of the same pictures. Keep the champion, or promote the version with @Force = 1.');
    END;
    IF @Number <> 0
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;

    INSERT INTO dbo.image_promotions (name, image_classifier_id, metric, value, previous_value, forced)
    SELECT c.name, @Id, N'accuracy', @Value, @PreviousValue, @Force
    FROM dbo.image_classifiers AS c
    WHERE c.image_classifier_id = @Id AND COALESCE(@LastPromotion, 0) = COALESCE((
        SELECT MAX(p.promotion_id) FROM dbo.image_promotions AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.name = @ModelName), 0);
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'The champion of ''', REPLACE(@ModelName, N'%', N'%%'),
            N''' was changed by someone else meanwhile. See dbo.image_promotions and call PromoteImageClassifier again.');
        THROW 50146, @Message, 1;
    END;
    SET @Message = CONCAT(@ModelName, N' version ', @Version, N' is the champion now. Accuracy of out-of-fold scores: ',
        COALESCE(LTRIM(STR(@Value, 20, 4)), N'not defined'), N', before ', COALESCE(LTRIM(STR(@PreviousValue, 20, 4)), N'none'), N'.', (
            SELECT CONCAT(N' Served is version ', s.version, N', because the setting serve is newest.')
            FROM dbo.served_image_models AS s
            WHERE s.name = @ModelName AND s.image_classifier_id <> @Id));
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
